"""`Status`: how far something is, in words and numbers for people."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Status:
    """How far something is.

    Attributes:
      title: what is done now, such as `embedding`.
      figures: what is known, such as `1,234 documents`; the most important first.
      share: how much of all is done, 0 to 1; None where that is not known.
      seconds_left: until the end; None where that is not known.
    """

    title: str
    figures: tuple[str, ...] = ()
    share: float | None = None
    seconds_left: float | None = None

    @property
    def parts(self) -> list[str]:
        """All that is known but the title; the most important first."""
        share = [] if self.share is None else [f"{int(100 * self.share)} %"]
        left = [] if self.seconds_left is None else [f"{describe_seconds(self.seconds_left)} left"]
        return [*share, *left, *self.figures]

    @property
    def line(self) -> str:
        """All that is known, in one line."""
        return f"{self.title}: {', '.join(self.parts)}" if self.parts else self.title


def describe_seconds(seconds: float) -> str:
    """Returns a duration in words, to two units: `42 s`, `2 min 10 s`, `3 h 5 min`, `2 d 4 h`."""
    minutes, left = divmod(max(0, round(seconds)), 60)
    if not minutes:
        return f"{left} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {left} s"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"
