"""Beam's own MLTransform with its sentence-transformers embeddings."""

from __future__ import annotations

from apache_beam.ml.transforms.embeddings.huggingface import SentenceTransformerEmbeddings

from benchmarks.mltransform import measure_mltransform
from benchmarks.outcome import make_parser


def main() -> None:
    """Embeds the corpus that the command line names."""
    arguments = make_parser(__doc__).parse_args()
    measure_mltransform(SentenceTransformerEmbeddings(model_name=str(arguments.model), columns=["text"]), arguments)


if __name__ == "__main__":
    main()
