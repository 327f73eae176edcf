"""The limits of a run: `--max-failures` and `--max-deletions`, each a number or a percentage, `N` or `P%`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

from albert_embed.transforms.steps.failure import list_most_frequent

DEFAULT_MAX_DELETIONS = "20%"
# How many reasons a message about failures names.
_NAMED_REASONS = 3


class LimitExceededError(RuntimeError):
    """A run is not published because there is more of something than it may have (exit status 3).

    Attributes:
      status: what happened, in a word or two.
    """

    status: ClassVar[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShareLimit:
    """At most `count`, or at most `percent` of all.

    Attributes:
      count: how many; None where there is a percentage.
      percent: from 0 to 100; None where there is a count.
    """

    count: int | None = None
    percent: float | None = None

    def allow(self, total: int) -> int:
        """Returns how many of `total` are allowed."""
        return self.count if self.count is not None else int((self.percent or 0) * total / 100)

    def describe(self, total: int) -> str:
        """Returns the limit in words, such as "1% of 300, that is 3"."""
        if self.count is not None:
            return f"{self.count:,}"
        return f"{self.percent:g}% of {total:,}, that is {self.allow(total):,}"


def parse_share_limit(given: str, *, flag: str) -> ShareLimit:
    """Parses `N` or `P%`.

    Args:
      given: the value.
      flag: the flag that it was given for.

    Raises:
      ValueError: if it is anything else.
    """
    try:
        if given.endswith("%"):
            limit = ShareLimit(percent=float(given[:-1]))
            valid = 0 <= float(given[:-1]) <= 100
        else:
            limit = ShareLimit(count=int(given))
            valid = int(given) >= 0
    except ValueError as e:
        raise ValueError(f"{flag} is {given!r}: give a number, or a percentage such as 1%") from e
    if not valid:
        raise ValueError(f"{flag} is {given!r}: give 0 or more, and at most 100%")
    return limit


class TooManyFailuresError(LimitExceededError):
    """More documents failed than `--max-failures` allows."""

    status = "too many failures"


def check_failures(limit: ShareLimit, *, documents: int, failures: Mapping[str, int], kept: str) -> None:
    """Refuses a run with too many failures.

    Args:
      limit: as a number, or as a percentage of all documents, failed ones included.
      documents: those that were embedded.
      failures: "stage: reason" → how many.
      kept: where the failures can be read.

    Raises:
      TooManyFailuresError: if there are too many; with the count, the limit and the most frequent reasons.
    """
    failed = sum(failures.values())
    total = documents + failed
    if failed > limit.allow(total):
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in list_most_frequent(failures)[:_NAMED_REASONS])
        raise TooManyFailuresError(
            f"{failed:,} failures, --max-failures allows {limit.describe(total)}; nothing was published. "
            f"Most frequent: {reasons}. All of them until the next run: {kept}"
        )


class TooManyDeletionsError(LimitExceededError):
    """A full snapshot would delete more documents than `--max-deletions` allows."""

    status = "too many deletions"


def check_deletions(limit: ShareLimit, *, deleted: int, documents: int, ambiguous: int = 0) -> None:
    """Refuses a run that would delete too many documents: its input may be incomplete.

    Args:
      limit: as a number, or as a percentage of the documents that the dataset holds.
      deleted: documents of the dataset that the input lacks.
      documents: documents that the dataset holds.
      ambiguous: those of them whose ids the input has with several contents, so that their rows go, too.

    Raises:
      TooManyDeletionsError: if there are too many; with the count, the limit and the remedy.
    """
    gone = deleted + ambiguous
    if gone > limit.allow(documents):
        more = f", and has {ambiguous:,} with several contents under one id" if ambiguous else ""
        raise TooManyDeletionsError(
            f"the input lacks {deleted:,} of the {documents:,} documents of the dataset{more}, which --full-snapshot "
            f"would delete; --max-deletions allows {limit.describe(documents)}. Nothing was published. Check that the "
            f"input is complete; if it is, run the same command with --max-deletions {gone}"
        )
