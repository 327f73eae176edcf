"""`RunningThreads`: how many threads of Beam's worker processes want a core, sampled repeatedly."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_SECONDS_BETWEEN = 0.05
_WORKER_MODULE = b"sdk_worker_main"  # what Beam starts its local worker processes with


class RunningThreads:
    """Collects while its `with` block runs; needs Linux's /proc.

    Attributes:
      samples: for each sample, the id of every worker process below this one → how many of its threads were running
        or ready to run.
    """

    def __init__(self) -> None:
        self.samples: list[dict[int, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self) -> RunningThreads:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _collect(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN):
            workers = filter(_is_worker, _list_below(os.getpid()))
            self.samples.append({worker: _count_running(worker) for worker in workers})


def _list_below(process: int) -> Iterator[int]:
    """Yields the ids of the children of `process`, of their children, and so on."""
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended since
            for child in map(int, children.read_text(encoding="ascii").split()):
                yield child
                yield from _list_below(child)


def _is_worker(process: int) -> bool:
    with contextlib.suppress(OSError):
        return _WORKER_MODULE in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def _count_running(process: int) -> int:
    states = []
    for stat in Path(f"/proc/{process}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            # The state follows the name, which is in brackets and may hold anything.
            states.append(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0])
    return states.count("R")
