"""Beam's MLTransform with `AlbertEmbeddings`: the same pipeline as that of the peer."""

from __future__ import annotations

from albert_embed import AlbertEmbeddings
from benchmarks.mltransform import measure_mltransform
from benchmarks.outcome import make_parser


def main() -> None:
    """Embeds the corpus that the command line names."""
    parser = make_parser(__doc__)
    parser.add_argument("--engine", required=True)
    arguments = parser.parse_args()
    embeddings = AlbertEmbeddings(str(arguments.model), columns=["text"], engine=arguments.engine)
    measure_mltransform(embeddings, arguments)


if __name__ == "__main__":
    main()
