"""The instructions of this machine's processor, and what follows from them."""

from __future__ import annotations

import platform
from collections.abc import Collection
from pathlib import Path

# With these, products of int8 are added up in 32 bits; without, pairs of them in 16 bits first, where they overflow.
_EXACT_INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
_X86 = ("x86_64", "amd64", "i386", "i686")


def read_instructions(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Reads the instruction sets of this machine's processor; none where the system has no such file."""
    if not path.exists():
        return frozenset()
    flags = (line.partition(":") for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(next((values.split() for name, _, values in flags if name.strip() == "flags"), ()))


def adds_int8_exactly(instructions: Collection[str], machine: str = platform.machine()) -> bool:
    """Returns whether sums of products of int8 are exact.

    Args:
      instructions: of the processor; empty where they are not known.
      machine: the processor's kind. Only x86 has had int8 that overflows.
    """
    return machine.lower() not in _X86 or not _EXACT_INT8.isdisjoint(instructions)
