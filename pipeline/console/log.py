"""The log of the program: its own messages from INFO up, those of libraries, hundreds in each run, from WARNING up."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TextIO

logger = logging.getLogger(__name__)

# What Beam 2.77 warns of in every run: a module that is there anyway (where torch is not installed), and a folder that
# nothing here needs.
_NO_NEWS = ("Resource module is not available", "No semi_persistent_directory found")
# They log whatever a step raises, with its traceback, and then raise it: the command says it itself.
_RAISING = (
    "apache_beam.runners.common",
    "apache_beam.runners.worker",
    "apache_beam.runners.portability.local_job_service",
)
# With this Beam goes on where it says why it tries something again, such as looking for credentials.
_TRACEBACK_OF_RETRIES = "Traceback for above exception (most recent call last):"
_FORMAT = "%(levelname)s %(name)s: %(message)s"


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to what standard error is now: while a bar is drawn, that is what keeps lines above it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _Brief(logging.Formatter):
    """Formats messages without tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage().partition(_TRACEBACK_OF_RETRIES)[0].rstrip()
        return self.formatMessage(record)


def set_up_log(*, verbose: bool = False) -> None:
    """Sets up the log on standard error, unless this process has one already.

    Args:
      verbose: whether to log all that libraries say from INFO up.
    """
    handler = _Handler()
    handler.setFormatter(logging.Formatter(_FORMAT) if verbose else _Brief(_FORMAT))
    if not verbose:
        handler.addFilter(_is_news)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    logging.getLogger("albert_embed").setLevel(logging.INFO)
    if handler in logging.getLogger().handlers and not verbose:
        threading.excepthook = _log_end_of_thread


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    """Logs what has ended a thread, such as one of Beam's that waits for a worker process which has been killed."""
    name = "a thread" if ended.thread is None else f"the thread {ended.thread.name}"
    said = f"{ended.exc_type.__name__}: {ended.exc_value}" if str(ended.exc_value or "") else ended.exc_type.__name__
    logger.warning("%s has ended: %s", name, said)


def _is_news(record: logging.LogRecord) -> bool:
    message = record.getMessage()  # of another process it is in the middle of a description
    if record.name.startswith(_RAISING) and (record.exc_info or "Traceback (most recent call last)" in message):
        return False
    return not any(words in message for words in _NO_NEWS)
