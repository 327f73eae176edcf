"""ONNX Runtime on the CPU with its transformer optimizer's model, length-sorted batches of 32."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.outcome import make_parser
from benchmarks.peers.sorted_batches import embed_sorted


def main() -> None:
    """Embeds the corpus that the command line names."""
    parser = make_parser(__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    arguments = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(
        str(arguments.model), sess_options=options, providers=["CPUExecutionProvider"]
    )

    def run(inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        sequence_output, pooled_output = session.run(["last_hidden_state", "pooler_output"], inputs)
        return sequence_output, pooled_output

    embed_sorted(
        run,
        tokenizer_file=arguments.tokenizer,
        corpus=arguments.corpus,
        outcome=arguments.outcome,
        versions={"onnxruntime": onnxruntime.__version__},
    )


if __name__ == "__main__":
    main()
