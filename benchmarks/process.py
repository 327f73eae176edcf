"""Runs a command in a process of its own and measures it from outside."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent

# No model hub is contacted, and TensorFlow's notes on the CPU stay out of the logs.
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}


class ProcessError(RuntimeError):
    """A command failed or ran too long; the message says which and why."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finished:
    """A command that succeeded.

    Attributes:
      seconds: from its start to its end.
      peak_bytes: peak memory of the largest among it and the processes that it started.
      cpu_seconds: processor time of it and of the processes that it started and waited for.
      report: the line of JSON that it printed last; empty where it printed none.
    """

    seconds: float
    peak_bytes: int
    cpu_seconds: float
    report: dict[str, Any]


def run_process(command: Sequence[str], *, log: Path, limit_seconds: float | None = None) -> Finished:
    """Runs `command` in the repository's root, its standard error going to the file `log`.

    Raises:
      ProcessError: if it ends with another status than 0, or runs longer than the limit and is ended.
    """
    over_limit = threading.Event()
    with log.open("wb") as errors, log.with_suffix(".stdout").open("w+b") as printed:
        started = time.perf_counter()
        process = subprocess.Popen(
            list(command),
            cwd=REPOSITORY,
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=errors,
            start_new_session=True,
        )

        def end() -> None:
            over_limit.set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(limit_seconds, end) if limit_seconds is not None else None
        if timer:
            timer.start()
        try:
            # wait4 and not Popen.wait: it reports the resources of this child and of those that the child waited for.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            end()
            process.wait()
            raise
        finally:
            if timer:
                timer.cancel()
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        lines = printed.read().decode("utf-8", errors="replace").splitlines()
    if over_limit.is_set():
        raise ProcessError(f"ended after {limit_seconds:.0f} seconds, the limit (--limit)")
    if process.returncode != 0:
        raise ProcessError(f"{_last_line(log) or f'exit status {process.returncode}'} (see {log})")
    return Finished(
        seconds=seconds,
        peak_bytes=usage.ru_maxrss * 1024,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        report=_last_report(lines),
    )


def _last_report(lines: Sequence[str]) -> dict[str, Any]:
    """Returns the last line that is a JSON object."""
    for line in reversed(lines):
        if line.startswith("{"):
            with contextlib.suppress(json.JSONDecodeError):
                report: dict[str, Any] = json.loads(line)
                return report
    return {}


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
