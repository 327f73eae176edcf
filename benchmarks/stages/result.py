"""`Result`: one row of the table, with its target."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured, and its target.

    Attributes:
      what: the row's name.
      target: what must be reached, in words; empty where there is no target.
      measured: what was measured, in words.
      reached: whether the target was reached; None where there is none.
      numbers: the measurement itself, for `stages.json`.
    """

    what: str
    target: str
    measured: str
    reached: bool | None
    numbers: dict[str, Any] = dataclasses.field(default_factory=dict)


def failed(what: str, target: str, error: Exception) -> Result:
    """Returns the row of a measurement that failed."""
    return Result(what=what, target=target, measured=f"failed: {error}", reached=False)
