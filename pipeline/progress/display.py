"""`Display`: shows people how far a command is, while it runs."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TextIO

from albert_embed.pipeline.progress.status import Status

logger = logging.getLogger(__name__)

ReadStatus = Callable[[], Status]
MODES = ("auto", "bar", "lines", "none")
SECONDS_BETWEEN_LINES = 10.0
_DUMB = ("dumb", "unknown")


class Display(Protocol):
    """Shows how far something is."""

    def show(self, read_status: ReadStatus) -> contextlib.AbstractContextManager[None]:
        """Shows the status for as long as the `with` block runs.

        Args:
          read_status: tells it; called in another thread, again and again.
        """


class NoDisplay:
    """Shows nothing."""

    def show(self, read_status: ReadStatus) -> contextlib.AbstractContextManager[None]:
        """Shows nothing."""
        return contextlib.nullcontext()


class LineDisplay:
    """Logs a line every few seconds, where it differs from the one before.

    Args:
      seconds: between two.
    """

    def __init__(self, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        self._seconds = seconds

    @contextlib.contextmanager
    def show(self, read_status: ReadStatus) -> Iterator[None]:
        """Logs the status while the `with` block runs."""
        ended = threading.Event()
        thread = threading.Thread(target=self._log, args=(read_status, ended), name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _log(self, read_status: ReadStatus, ended: threading.Event) -> None:
        before = ""
        while not ended.wait(self._seconds):
            line = read_status().line
            if line != before:
                logger.info("%s", line)
            before = line


def open_display(mode: str, stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> Display:
    """Returns the display that `--progress` asks for.

    Args:
      mode: one of `MODES`; `auto` means a bar on a terminal that can move its cursor, and lines elsewhere.
      stream: where it is shown; None for standard error.
      environment: tells the kind of the terminal.
    """
    stream = sys.stderr if stream is None else stream
    if mode == "none" or stream is None:
        return NoDisplay()
    is_terminal = stream.isatty() and environment.get("TERM", "").lower() not in _DUMB
    if mode == "bar" or (mode == "auto" and is_terminal):
        from albert_embed.pipeline.progress.bar_display import BarDisplay

        return BarDisplay(stream)
    return LineDisplay()
