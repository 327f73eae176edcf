"""`RunRecord`: what a run records about itself before it starts, for the run after it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunRecord:
    """The content of `_staging/<run>/run.json`.

    Attributes:
      started: seconds since 1970.
      host, pid: where it runs.
      fingerprint: name → value of everything that shapes its rows (`pipeline.resume.run_fingerprint`); None where that
        is not known.
      range_bytes: length of the ranges in which it reads its files; None where it reads none.
      reused_runs: the names of the runs whose shards it uses.
    """

    started: float
    host: str
    pid: int
    fingerprint: dict[str, Any] | None
    range_bytes: int | None
    reused_runs: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Returns JSON text."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(content: bytes) -> RunRecord | None:
        """Reads what `to_json` wrote; None where it is something else, such as half of it."""
        try:
            fields = json.loads(content)
            return RunRecord(**{**fields, "reused_runs": tuple(fields["reused_runs"])})
        except (ValueError, TypeError, KeyError):
            return None


def list_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Lists the names whose values differ, in order."""
    return sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
