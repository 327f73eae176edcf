"""`Loop`: how far a loop in this process is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from albert_embed.pipeline.progress.display import Display
from albert_embed.pipeline.progress.status import Status

_MIN_SECONDS = 2.0  # sooner, a rate is chance


class Loop:
    """Counts what a loop has done.

    Args:
      title: what it does, such as `compacting`.
      total: how many there are; None where that is not known.
      unit: what is counted, in the plural, such as `rows`.
      clock: tells the seconds.
    """

    def __init__(
        self, title: str, *, total: int | None, unit: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._title = title
        self._total = total
        self._unit = unit
        self._clock = clock
        self._started = clock()
        self._done = 0

    def advance(self, by: int) -> None:
        """Adds what is done."""
        self._done += by

    def read(self) -> Status:
        """Returns the status."""
        done, spent = self._done, self._clock() - self._started
        share = min(1.0, done / self._total) if self._total else None
        rate = done / spent if done and spent >= _MIN_SECONDS else None
        left = None if rate is None or share is None or self._total is None else max(0, self._total - done) / rate
        figures = [f"{done:,} {self._unit}", *([] if rate is None else [f"{rate:,.0f} {self._unit}/s"])]
        return Status(title=self._title, figures=tuple(figures) if done else (), share=share, seconds_left=left)


@contextlib.contextmanager
def watch_loop(display: Display, title: str, *, total: int | None, unit: str) -> Iterator[Loop]:
    """Shows how far a loop is while the `with` block runs it, which tells by `advance`.

    Args:
      display: where.
      title: what the loop does, such as `compacting`.
      total: how many there are; None where that is not known.
      unit: what is counted, in the plural, such as `rows`.
    """
    loop = Loop(title, total=total, unit=unit)
    with display.show(loop.read):
        yield loop
