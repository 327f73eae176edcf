"""The errors of a run: those by which it says itself that it must not be published, as verdicts and as exceptions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from albert_embed.pipeline.bigquery.table_jobs import TableLoadError
from albert_embed.pipeline.commit.verdict import FAILED, Verdict
from albert_embed.pipeline.dataset.versions import VersionConflictError
from albert_embed.pipeline.documents.count_fields import MissingFieldError
from albert_embed.pipeline.incremental.check_snapshot import IncompleteSnapshotError
from albert_embed.pipeline.nearest.vector_index import MissingLibraryError
from albert_embed.pipeline.settings.deletion_limit import TooManyDeletionsError
from albert_embed.pipeline.settings.failure_limit import TooManyFailuresError
from albert_embed.pipeline.settings.share_limit import LimitExceededError

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


@contextlib.contextmanager
def fail_as_run() -> Iterator[None]:
    """Turns what would say that the command can't be carried out as given into a failure of the run.

    Raises:
      RunFailedError: for a ValueError or an OSError of the `with` block, such as a full disk; the cause is kept.
    """
    try:
        yield
    except (ValueError, OSError) as e:
        raise RunFailedError(f"{e} ({type(e).__name__}, after the run had started; nothing was published)") from e
