"""Runs a module of this project in a process of its own, with the same Python and the same packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping


def run_module(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m module arguments` to its end; what it writes is captured.

    Args:
      module: its full name.
      arguments: of the command line.
      environment: variables to add to this process's own.
    """
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={
            **os.environ,
            **(environment or {}),
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
