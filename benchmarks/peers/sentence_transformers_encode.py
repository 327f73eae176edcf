"""sentence-transformers' `encode` on the CPU with its default batch size, mean pooling."""

from __future__ import annotations

import sentence_transformers
import torch

from benchmarks.outcome import make_parser
from benchmarks.peers.encode_corpus import encode_corpus


def main() -> None:
    """Embeds the corpus that the command line names."""
    parser = make_parser(__doc__)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), required=True)
    arguments = parser.parse_args()
    model = sentence_transformers.SentenceTransformer(
        str(arguments.model), device="cpu", model_kwargs={"dtype": getattr(torch, arguments.precision)}
    )
    encode_corpus(model, arguments, torch)


if __name__ == "__main__":
    main()
