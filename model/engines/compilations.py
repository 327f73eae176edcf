"""`compilations`: how often the engine of this process has compiled its program for a shape, and for how long."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompilationCount:
    """What was compiled since the last time that somebody asked.

    Attributes:
      number: of compilations that succeeded.
      msecs: how long they took together.
    """

    number: int = 0
    msecs: int = 0


class Compilations:
    """Counts compilations until a step of the pipeline takes the count. Thread-safe.

    A batch may be computed by a thread that no bundle knows, where Beam's counters count nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = CompilationCount()

    @contextlib.contextmanager
    def measure(self) -> Iterator[None]:
        """Counts the `with` block as one compilation, unless it fails."""
        begun = time.perf_counter()
        yield
        msecs = round(1000 * (time.perf_counter() - begun))
        with self._lock:
            self._count = CompilationCount(number=self._count.number + 1, msecs=self._count.msecs + msecs)

    def take(self) -> CompilationCount:
        """Returns what was counted, and begins anew."""
        with self._lock:
            count, self._count = self._count, CompilationCount()
        return count


compilations = Compilations()
