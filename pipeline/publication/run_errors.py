"""The errors of a run: those by which it says itself that it must not be published, as verdicts and as exceptions."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from albert_embed.pipeline.bigquery.table_jobs import TableLoadError
from albert_embed.pipeline.commit.verdict import FAILED, Verdict
from albert_embed.pipeline.dataset.versions import VersionConflictError
from albert_embed.pipeline.documents.count_fields import MissingFieldError
from albert_embed.pipeline.incremental.check_snapshot import IncompleteSnapshotError
from albert_embed.pipeline.nearest.vector_index import MissingLibraryError
from albert_embed.pipeline.settings.run_limits import LimitExceededError, TooManyDeletionsError, TooManyFailuresError

# They end a run for good: a second attempt would end in the same way.
FINAL_ERRORS: tuple[type[RuntimeError], ...] = (
    TooManyFailuresError,
    TooManyDeletionsError,
    IncompleteSnapshotError,
    MissingFieldError,
    VersionConflictError,
    TableLoadError,
    MissingLibraryError,
)
_BY_NAME = {error.__name__: error for error in FINAL_ERRORS}


def describe_failure(error: RuntimeError) -> Verdict:
    """Returns the verdict of a run that has failed with one of `FINAL_ERRORS`."""
    return Verdict(
        kind=FAILED,
        exit_status=3 if isinstance(error, LimitExceededError) else 4,
        error=type(error).__name__,
        message=str(error),
    )


def raise_failure(verdict: Verdict, cause: BaseException | None = None) -> None:
    """Raises the error that a verdict describes; returns where the run has not failed.

    Args:
      verdict: of the run.
      cause: what the runner said, if anything.
    """
    if verdict.kind == FAILED:
        raise _BY_NAME.get(verdict.error, RuntimeError)(verdict.message) from cause


class RunFailedError(RuntimeError):
    """A run failed after it had started."""


_TRACEBACK = "Traceback (most recent call last)"
_WHERE = re.compile(r" \[while running '[^']*'\]")
# What an error of this package says that knows what helps (`ShardWriteError`).
_HAS_REMEDY = "run the same command again"
# What systems and libraries say, and what helps.
_REMEDIES = (
    (
        ("No space left on device", "Disk quota exceeded", "File too large"),
        "no room is left there: free some, and the same command goes on from the finished shards; or give an --output "
        "elsewhere",
    ),
    (
        ("Channel closed prematurely",),
        "a worker process has ended, killed perhaps because memory ran out: give a smaller --batch-tokens or fewer "
        "--direct_num_workers; the same command again goes on from the finished shards",
    ),
    (
        ("MemoryError", "ResourceExhausted", "OutOfMemory", "bad_alloc", "Cannot allocate memory", "exit code -9"),
        "memory ran out: give a smaller --batch-tokens, fewer --direct_num_workers, or a smaller model",
    ),
)


def explain_error(error: BaseException) -> str | None:
    """Returns what an error of a run means and what helps, in one line; None where nothing is known of it."""
    said = str(error) or type(error).__name__
    cause = _find_cause(said)
    for words, remedy in _REMEDIES:
        if any(word in said or word == type(error).__name__ for word in words):
            return cause if _HAS_REMEDY in cause else f"{cause}; {remedy}"
    return None if _TRACEBACK not in said else cause


def _find_cause(said: str) -> str:
    """Returns the last line of a traceback of another process, or all of what is none, without Beam's own addition."""
    if _TRACEBACK not in said:
        return _WHERE.sub("", said)
    lines = [line for line in said.splitlines() if line.strip() and not line.lstrip().startswith("[while running")]
    return next((line for line in reversed(lines) if not line.startswith(" ")), lines[-1])


@contextlib.contextmanager
def fail_as_run() -> Iterator[None]:
    """Turns what would say that the command can't be carried out as given into a failure of the run.

    Raises:
      RunFailedError: for a ValueError or an OSError of the `with` block, and for an error whose remedy is known,
        such as a full disk; the cause is kept.
    """
    try:
        yield
    except RunFailedError:
        raise
    except FINAL_ERRORS:
        raise
    except Exception as e:
        explained = explain_error(e)
        if explained is not None:
            ends = "" if "nothing was published" in explained else " (nothing was published)"
            raise RunFailedError(f"{explained}{ends}") from e
        if isinstance(e, (ValueError, OSError)):
            raise RunFailedError(f"{e} ({type(e).__name__}, after the run had started; nothing was published)") from e
        raise
