"""The log of the program: its own messages from INFO up, those of libraries, hundreds in each run, from WARNING."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

_FORMAT = "%(levelname)s %(name)s: %(message)s"


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to what standard error is now: while a bar is drawn, that is what keeps lines above it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def set_up_log() -> None:
    """Sets up the log on standard error, unless this process has one already."""
    handler = _Handler()
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger().addFilter(_is_worth_reading)
    logging.getLogger("albert_embed").setLevel(logging.INFO)


def _is_worth_reading(record: logging.LogRecord) -> bool:
    """Returns False for what Beam 2.77 says wherever torch is not installed, about a module that is there anyway."""
    return not record.getMessage().startswith("Resource module is not available")
