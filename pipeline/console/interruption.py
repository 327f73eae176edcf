"""`Interruption`: a command that is stopped by Ctrl-C or SIGTERM ends in one line, not in a traceback."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What a shell gives for a process that a signal has ended (POSIX, "Exit Status for Commands").
_EXIT_BASE = 128

NOTHING_CHANGED = "nothing was changed; run the same command again"
NOTHING_PUBLISHED = "nothing was published; run the same command again"
_current: ContextVar[Interruption | None] = ContextVar("current", default=None)


def say_if_interrupted(describe: Callable[[], str]) -> None:
    """Sets what is said where the command is interrupted from now on: what it leaves, and how to go on.

    A command whose work has phases calls this again in each: what is true changes with them.

    Args:
      describe: returns it; called once everything is unwound.

    Raises:
      KeyboardInterrupt: if the signal has come already, and a library has made something else of its exception.
    """
    current = _current.get()
    if current is None:
        return
    if current.happened:
        raise KeyboardInterrupt
    current.note_left(describe)


class Interruption:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt while the `with` block runs, and remembers which it was.

    What runs then is unwound as by any exception: locks are given back, temporary folders deleted. Libraries wrap the
    exception in their own and log its traceback; so logging stops with the signal, and whoever catches an exception
    asks `happened`. Only a process's main thread can do this; in another one nothing changes.
    """

    def __init__(self) -> None:
        self._signal: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}
        self._describe: Callable[[], str] = lambda: NOTHING_CHANGED

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

    def note_left(self, describe: Callable[[], str]) -> None:
        """Sets what `describe_left` calls (`say_if_interrupted`)."""
        self._describe = describe

    def describe_left(self) -> str:
        """Returns what the command has left, and how to go on."""
        try:
            return self._describe()
        except (Exception, KeyboardInterrupt) as e:  # a bucket that does not answer, and an impatient user
            return f"what it has left could not be found out ({type(e).__name__}: {e}); run the same command again"

    def __enter__(self) -> Interruption:
        _current.set(self)
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._interrupt) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        _current.set(None)
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self.happened:
            logging.disable(logging.NOTSET)

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        self._signal = signal.Signals(number)
        logging.disable(logging.CRITICAL)
        raise KeyboardInterrupt
