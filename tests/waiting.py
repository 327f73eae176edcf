"""Waiting for what another process does. No test may fail because the machine is busy: the limit is for hangs alone."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

# Far beyond what anything here takes on a machine with twenty times as much to do as it can.
HANGS_AFTER_SECONDS = 1800.0


def wait_until(happened: Callable[[], Any], *, process: subprocess.Popen[Any] | None = None) -> None:
    """Returns once `happened()` is true.

    Args:
      happened: is asked a hundred times a second.
      process: what makes it happen.

    Raises:
      AssertionError: where `process` ended before it happened, or it did not happen in half an hour.
    """
    deadline = time.monotonic() + HANGS_AFTER_SECONDS
    while not _has(happened):
        if process is not None and process.poll() is not None:
            assert _has(happened), f"process {process.pid} ended with {process.returncode} before it happened"
            return
        assert time.monotonic() < deadline, f"it did not happen in {HANGS_AFTER_SECONDS:.0f} seconds"
        time.sleep(0.01)


def _has(happened: Callable[[], Any]) -> bool:
    """Asks `happened`; a folder that it lists, and that another process deletes meanwhile, says no."""
    try:
        return bool(happened())
    except FileNotFoundError:
        return False
