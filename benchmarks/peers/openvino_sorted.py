"""OpenVINO on the CPU, converted from the PyTorch model, length-sorted batches of 32, in the precision asked for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import openvino
from openvino import properties

from benchmarks.outcome import make_parser
from benchmarks.peers.sorted_batches import embed_sorted

_TYPES = {"float32": openvino.Type.f32, "bfloat16": openvino.Type.bf16}


def main() -> None:
    """Embeds the corpus that the command line names."""
    parser = make_parser(__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--precision", choices=sorted(_TYPES), required=True)
    arguments = parser.parse_args()
    compiled = openvino.Core().compile_model(
        str(arguments.model),
        "CPU",
        {
            properties.hint.inference_precision: _TYPES[arguments.precision],
            properties.hint.performance_mode: properties.hint.PerformanceMode.LATENCY,
            properties.inference_num_threads: len(os.sched_getaffinity(0)),
        },
    )
    executed = compiled.get_property(properties.hint.inference_precision)
    if executed != _TYPES[arguments.precision]:
        raise SystemExit(f"OpenVINO's CPU plugin executes {executed.get_type_name()} on this machine instead")
    request = compiled.create_infer_request()

    def run(inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        outputs = request.infer(inputs, share_inputs=True, share_outputs=True)
        return outputs[0], outputs[1]

    embed_sorted(
        run,
        tokenizer_file=arguments.tokenizer,
        corpus=arguments.corpus,
        outcome=arguments.outcome,
        versions={"openvino": openvino.__version__},
    )


if __name__ == "__main__":
    main()
