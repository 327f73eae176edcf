"""The token budget of a batch on a CPU."""

from __future__ import annotations

import pytest

from albert_embed.model.hosting.cpu_batch_tokens import find_cpu_batch_tokens


@pytest.mark.parametrize(
    ("engine", "precision", "instructions", "expected"),
    [
        ("openvino", "bfloat16", {"avx2", "amx_bf16"}, (4096, "openvino in bfloat16 on a CPU with amx_bf16")),
        ("openvino", "bfloat16", {"avx512_bf16"}, (1024, "openvino in bfloat16 on a CPU")),
        ("openvino", "float32", {"amx_bf16"}, (1024, "openvino in float32 on a CPU")),
        ("tensorflow", "bfloat16", {"amx_bf16"}, (1024, "tensorflow in bfloat16 on a CPU")),
        ("openvino", "bfloat16", set(), (1024, "openvino in bfloat16 on a CPU")),
    ],
)
def test_what_was_measured_holds_where_it_was_measured(
    engine: str, precision: str, instructions: set[str], expected: tuple[int, str]
) -> None:
    assert find_cpu_batch_tokens(engine, precision, instructions) == expected
