"""Runs `albert-embed` for the DAG beside this file, and says what its exit status means. Needs no Airflow."""

from __future__ import annotations

import dataclasses
import enum
import json
import subprocess
from collections.abc import Sequence
from typing import Any


class Next(enum.Enum):
    """What a scheduler should do after a run."""

    DONE = "done"
    FAIL = "fail: a repetition would end in the same way; somebody has to look"
    RETRY = "retry: the same command goes on from what was finished"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
      exit_status: of the program; negative where a signal ended it.
      record: its line of JSON; empty where it printed none.
    """

    exit_status: int
    record: dict[str, Any]

    @property
    def next(self) -> Next:
        """What to do."""
        return decide(self.exit_status)

    @property
    def message(self) -> str:
        """What to say of it."""
        said = self.record.get("error") or self.record.get("status") or "it printed no line of JSON"
        return f"albert-embed ended with status {self.exit_status}: {said}"


def decide(exit_status: int) -> Next:
    """Returns what to do after an exit status, as docs/running.md lists them.

    2 (can't be carried out as given) and 3 (more failures or deletions than allowed) would come again. Everything else
    is worth another try: a run that failed on its way, one that was interrupted or killed.
    """
    if exit_status == 0:
        return Next.DONE
    return Next.FAIL if exit_status in (2, 3) else Next.RETRY


def run(command: Sequence[str]) -> Outcome:
    """Runs a command that prints one line of JSON; its log goes where this process' goes."""
    finished = subprocess.run(list(command), stdout=subprocess.PIPE, text=True, check=False)
    lines = finished.stdout.splitlines()
    record = {}
    if lines:
        try:
            record = json.loads(lines[-1])
        except json.JSONDecodeError:
            print(finished.stdout)
    return Outcome(exit_status=finished.returncode, record=record)
