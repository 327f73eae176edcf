"""`FailureLimit`: the maximum of failures with which a run is still published (`--max-failures`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


class TooManyFailuresError(RuntimeError):
    """More documents failed than `--max-failures` allows."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FailureLimit:
    """At most `count` failures, or at most `percent` of all documents, failed ones included.

    Attributes:
      count: how many; None where there is a percentage.
      percent: from 0 to 100.
    """

    count: int | None = None
    percent: float | None = None

    @staticmethod
    def parse(given: str) -> FailureLimit:
        """Parses `N` or `P%`; raises ValueError for anything else."""
        try:
            if given.endswith("%"):
                limit = FailureLimit(percent=float(given[:-1]))
                valid = limit.percent is not None and 0 <= limit.percent <= 100
            else:
                limit = FailureLimit(count=int(given))
                valid = limit.count is not None and limit.count >= 0
        except ValueError as e:
            raise ValueError(f"--max-failures is {given!r}: give a number, or a percentage such as 1%") from e
        if not valid:
            raise ValueError(f"--max-failures is {given!r}: give 0 or more, and at most 100%")
        return limit

    def check(self, *, documents: int, failures: Mapping[str, int], kept: str) -> None:
        """Refuses a run with too many failures.

        Args:
          documents: those that were embedded.
          failures: "stage: reason" → how many.
          kept: where the failures can be read.

        Raises:
          TooManyFailuresError: if there are too many; with the count, the limit and the most frequent reasons.
        """
        failed = sum(failures.values())
        if self.count is not None:
            allowed, limit = self.count, f"{self.count:,}"
        else:
            allowed = int((self.percent or 0) * (documents + failed) / 100)
            limit = f"{self.percent:g}% of {documents + failed:,}, that is {allowed:,}"
        if failed > allowed:
            frequent = sorted(failures.items(), key=lambda item: (-item[1], item[0]))[:3]
            reasons = ", ".join(f"{reason} ({count:,})" for reason, count in frequent)
            raise TooManyFailuresError(
                f"{failed:,} failures, --max-failures allows {limit}; nothing was published. "
                f"Most frequent: {reasons}. All of them until the next run: {kept}"
            )
