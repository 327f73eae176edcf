"""Which messages of libraries are shown."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

from albert_embed.pipeline.console.log import set_up_log


@contextlib.contextmanager
def catch_log() -> Iterator[io.StringIO]:
    """Catches standard error, as in a process where nobody has set up a log."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    try:
        with contextlib.redirect_stderr(io.StringIO()) as stream:
            yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def log_all() -> None:
    try:
        raise ValueError("a step has raised")
    except ValueError as e:
        logging.getLogger("apache_beam.runners.common").error("a step has raised", exc_info=e)
    worker = logging.getLogger("apache_beam.runners.portability.local_job_service")
    worker.error('Worker: severity: ERROR message: "Traceback (most recent call last):\\n  File…"')
    worker.warning('Worker: severity: WARN message: "No semi_persistent_directory found: …"')
    worker.warning("the worker is slow")
    logging.warning("Resource module is not available for current platform, memory usage cannot be fetched.")
    logging.getLogger("apache_beam.io").error("a file is gone")
    logging.getLogger("apache_beam.io").info("a file is open")
    logging.getLogger("albert_embed.job").info("embedding")


def test_what_the_command_says_itself_is_left_out() -> None:
    with catch_log() as standard_error:
        set_up_log()
        log_all()
    assert standard_error.getvalue().splitlines() == [
        "WARNING apache_beam.runners.portability.local_job_service: the worker is slow",
        "ERROR apache_beam.io: a file is gone",
        "INFO albert_embed.job: embedding",
    ]


def test_verbose_shows_all() -> None:
    with catch_log() as standard_error:
        set_up_log(verbose=True)
        log_all()
    said = standard_error.getvalue()
    assert "ValueError: a step has raised" in said and "a file is open" in said
    assert "semi_persistent" in said and "Resource module" in said
