"""What is known of the processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from albert_embed.transforms.process.processor_instructions import adds_int8_exactly, read_instructions


def test_instructions_are_those_of_the_first_processor(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nvmx flags\t: ept\nflags\t\t: fpu avx2 amx_bf16\n\nprocessor\t: 1\nflags\t: fpu\n")
    assert read_instructions(file) == {"fpu", "avx2", "amx_bf16"}
    file.write_text("processor : 0\n")
    assert read_instructions(file) == frozenset()
    assert read_instructions(tmp_path / "none") == frozenset()


@pytest.mark.parametrize(
    ("machine", "instructions", "exactly"),
    [
        ("x86_64", {"avx2", "avx512f", "avx512bw"}, False),
        ("x86_64", set(), False),
        ("AMD64", {"avx2"}, False),
        ("x86_64", {"avx512_vnni"}, True),
        ("x86_64", {"avx2", "avx_vnni"}, True),
        ("x86_64", {"amx_int8"}, True),
        ("aarch64", set(), True),
        ("arm64", set(), True),
    ],
)
def test_where_int8_adds_up_exactly(machine: str, instructions: set[str], exactly: bool) -> None:
    assert adds_int8_exactly(instructions, machine) is exactly
