"""Writes the ids that this project gives to every line of a corpus; not part of any measurement."""

from __future__ import annotations

import argparse
from pathlib import Path

import tensorflow as tf
import tensorflow_text as tf_text

from albert_embed.transforms.graph.framing import frame_single
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.text.tokenization import encode_text
from albert_embed.transforms.text.vocabulary import load_vocabulary
from benchmarks.outcome import read_documents
from benchmarks.tokens import Tokens


def main() -> None:
    """Tokenises the corpus that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    vocabulary = load_vocabulary(arguments.vocabulary)
    config = PreprocessingConfig(lower_case=True)
    tokens = encode_text(
        tf.constant(read_documents(arguments.corpus)),
        tokenizer=tf_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32),
        vocabulary=vocabulary,
        lower_case=config.lower_case,
    )
    input_ids = frame_single(tokens, vocabulary=vocabulary, config=config)["input_ids"]
    Tokens(input_ids.flat_values.numpy(), input_ids.row_splits.numpy()).write(arguments.output)


if __name__ == "__main__":
    main()
