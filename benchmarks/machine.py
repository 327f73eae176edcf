"""What a measurement was taken with: the machine and the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.process import REPOSITORY


def describe_machine() -> dict[str, Any]:
    """Returns the processor, its cores and the instructions that matter, the memory, and versions."""
    pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    fields = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in information.splitlines())
    }
    interesting = ("avx", "avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8")
    return {
        "processor": fields.get("model name", platform.processor()),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": pages * page_size,
        "instructions": [name for name in interesting if name in fields.get("flags", "").split()],
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def git_commit() -> str | None:
    """Returns the commit that was measured, with "+" where the working tree differs from it; None without one."""

    def git(*arguments: str) -> str | None:
        done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    return commit and commit + ("+" if git("status", "--porcelain") else "")
