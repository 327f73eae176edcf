"""`Result`: one row of the table, with its target beside it."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What was measured and what was asked for.

    Attributes:
      what: the row's name.
      target: what must be reached, in words; empty where nothing was asked for.
      measured: what was, in words.
      reached: whether it is enough; None where nothing was asked for.
      numbers: the measurement itself, for `stages.json`.
    """

    what: str
    target: str
    measured: str
    reached: bool | None
    numbers: dict[str, Any] = dataclasses.field(default_factory=dict)


def failed(what: str, target: str, error: Exception) -> Result:
    """The row of a measurement that did not come to its end."""
    return Result(what=what, target=target, measured=f"failed: {error}", reached=False)
