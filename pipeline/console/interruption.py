"""`Interruption`: a command that is stopped by Ctrl-C or SIGTERM ends in one line, not in a traceback."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What a shell gives for a process that a signal has ended (POSIX, "Exit Status for Commands").
_EXIT_BASE = 128


class Interruption:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt while the `with` block runs, and remembers which it was.

    What runs then is unwound as by any exception: locks are given back, temporary folders deleted. Libraries wrap the
    exception in their own and log its traceback; so logging stops with the signal, and whoever catches an exception
    asks `happened`. Only a process's main thread can do this; in another one nothing changes.
    """

    def __init__(self) -> None:
        self._signal: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    @property
    def happened(self) -> bool:
        """Whether a signal has come."""
        return self._signal is not None

    @property
    def name(self) -> str:
        """The signal's name."""
        return "" if self._signal is None else self._signal.name

    @property
    def exit_status(self) -> int:
        """130 for SIGINT, 143 for SIGTERM."""
        return _EXIT_BASE + (self._signal or 0)

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._interrupt) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self.happened:
            logging.disable(logging.NOTSET)

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        self._signal = signal.Signals(number)
        logging.disable(logging.CRITICAL)
        raise KeyboardInterrupt
