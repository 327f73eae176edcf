"""sentence-transformers' `encode` with its OpenVINO backend, on the model that its own function quantised to int8."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
import sentence_transformers

from benchmarks.outcome import Outcome, make_parser, print_report, read_documents


def main() -> None:
    """Embeds the corpus that the command line names."""
    arguments = make_parser(__doc__).parse_args()
    model = sentence_transformers.SentenceTransformer(
        str(arguments.model),
        device="cpu",
        backend="openvino",
        model_kwargs={"file_name": "openvino/openvino_model_qint8_quantized.xml"},
    )
    padded_tokens = 0

    def count_tokens(module: Any, inputs: tuple[dict[str, Any], ...]) -> None:
        nonlocal padded_tokens
        padded_tokens += inputs[0]["input_ids"].numel()

    model[0].register_forward_pre_hook(count_tokens)
    mean = model.encode(read_documents(arguments.corpus), show_progress_bar=False)
    Outcome(mean=np.asarray(mean, np.float32)).write(arguments.outcome)
    versions = {"openvino": openvino.__version__, "sentence-transformers": sentence_transformers.__version__}
    print_report({"padded_tokens": padded_tokens, "versions": versions})


if __name__ == "__main__":
    main()
