"""`ShareLimit`: a maximum that is given as a number or as a percentage, `N` or `P%`."""

from __future__ import annotations

import dataclasses
from typing import ClassVar


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
