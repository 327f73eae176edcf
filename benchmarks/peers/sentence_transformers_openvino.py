"""sentence-transformers' `encode` with its OpenVINO backend, on the model that its own function quantised to int8."""

from __future__ import annotations

import openvino
import sentence_transformers

from benchmarks.outcome import make_parser
from benchmarks.peers.encode_corpus import encode_corpus


def main() -> None:
    """Embeds the corpus that the command line names."""
    arguments = make_parser(__doc__).parse_args()
    model = sentence_transformers.SentenceTransformer(
        str(arguments.model),
        device="cpu",
        backend="openvino",
        model_kwargs={"file_name": "openvino/openvino_model_qint8_quantized.xml"},
    )
    encode_corpus(model, arguments, openvino)


if __name__ == "__main__":
    main()
