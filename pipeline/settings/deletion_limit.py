"""`check_deletions`: no run is published that deletes more documents than `--max-deletions` allows."""

from __future__ import annotations

from albert_embed.pipeline.settings.share_limit import LimitExceededError, ShareLimit

DEFAULT_MAX_DELETIONS = "20%"


class TooManyDeletionsError(LimitExceededError):
    """A full snapshot would delete more documents than `--max-deletions` allows."""

    status = "too many deletions"


def check_deletions(limit: ShareLimit, *, deleted: int, documents: int) -> None:
    """Refuses a run that would delete too many documents: its input may be incomplete.

    Args:
      limit: as a number, or as a percentage of the documents that the dataset holds.
      deleted: documents of the dataset that the input lacks.
      documents: documents that the dataset holds.

    Raises:
      TooManyDeletionsError: if there are too many; with the count, the limit and the remedy.
    """
    if deleted > limit.allow(documents):
        raise TooManyDeletionsError(
            f"the input lacks {deleted:,} of the {documents:,} documents of the dataset, which --full-snapshot would "
            f"delete; --max-deletions allows {limit.describe(documents)}. Nothing was published. Check that the input "
            f"is complete; if it is, run the same command with --max-deletions {deleted}"
        )
