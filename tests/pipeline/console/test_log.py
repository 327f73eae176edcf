"""Which messages of libraries are shown."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
from collections.abc import Iterator

from apache_beam.utils.retry import with_exponential_backoff

from albert_embed.pipeline.console.log import set_up_log


@contextlib.contextmanager
def catch_log() -> Iterator[io.StringIO]:
    """Catches standard error, as in a process where nobody has set up a log."""
    root = logging.getLogger()
    before, level, hook = list(root.handlers), root.level, threading.excepthook
    root.handlers.clear()
    try:
        with contextlib.redirect_stderr(io.StringIO()) as stream:
            yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        threading.excepthook = hook


class NoClock:
    """Waits for nothing."""

    def sleep(self, seconds: float) -> None:
        """Returns at once."""


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
    logging.getLogger("apache_beam.io").error("a file is gone", exc_info=OSError("gone"))
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


def test_a_retry_of_beam_says_why_and_leaves_its_traceback_out() -> None:
    waits = iter(["no credentials"])

    def find_credentials() -> str:
        for why in waits:
            raise ValueError(why)
        return "found"

    retry = with_exponential_backoff(num_retries=1, initial_delay_secs=2, fuzz=False, clock=NoClock())
    with catch_log() as standard_error:
        set_up_log()
        assert retry(find_credentials)() == "found"
    assert standard_error.getvalue().splitlines() == [
        "WARNING apache_beam.utils.retry: Retry with exponential backoff: waiting for 2.0 seconds before retrying "
        "find_credentials because we caught exception: ValueError: no credentials"
    ]


def test_verbose_shows_all() -> None:
    with catch_log() as standard_error:
        set_up_log(verbose=True)
        log_all()
    said = standard_error.getvalue()
    assert "ValueError: a step has raised" in said and "a file is open" in said
    assert "semi_persistent" in said and "Resource module" in said


def fail(message: str) -> None:
    raise RuntimeError(message)


def test_the_end_of_a_thread_is_one_line() -> None:
    with catch_log() as standard_error:
        set_up_log()
        for message in ("worker exited with return code 137", ""):
            thread = threading.Thread(target=fail, args=(message,), name="run_worker")
            thread.start()
            thread.join()
    start = "WARNING albert_embed.pipeline.console.log: the thread run_worker has ended: RuntimeError"
    assert standard_error.getvalue().splitlines() == [f"{start}: worker exited with return code 137", start]
