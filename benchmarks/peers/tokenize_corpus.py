"""Writes the ids that the peers' tokenizer gives, to be compared with this project's; not part of any measurement."""

from __future__ import annotations

import argparse
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.outcome import read_documents
from benchmarks.peers.batches import MAX_TOKENS
from benchmarks.tokens import join_tokens


def main() -> None:
    """Tokenises the corpus that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
    tokenizer.enable_truncation(MAX_TOKENS)
    encodings = tokenizer.encode_batch(read_documents(arguments.corpus))
    join_tokens([encoding.ids for encoding in encodings]).write(arguments.output)


if __name__ == "__main__":
    main()
