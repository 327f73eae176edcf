"""`start_run`: chooses what runs that were cut off have finished, before the next one writes."""

from __future__ import annotations

import dataclasses
import os
import socket
import time
from typing import Any

from albert_embed.pipeline.commit.publish import list_dead_runs, remove_runs
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.resume.finished_shards import choose_finished_shards
from albert_embed.pipeline.resume.run_record import RunRecord
from albert_embed.pipeline.shards.shard import Shard

RUN_FILE = "run.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartedRun:
    """What a run finds when it starts.

    Attributes:
      finished: the shards that it can use, which runs with the same fingerprint have finished.
      dead_runs: the runs that have finished them: their folders stay until the run is published.
    """

    finished: list[Shard]
    dead_runs: tuple[str, ...]


def start_run(staging: StagingFolder, *, fingerprint: dict[str, Any] | None, retries: bool) -> StartedRun:
    """Writes down what a run is, and removes what runs that were cut off have staged, unless this one can use it.

    Args:
      staging: of the run, which has claimed the dataset: all other runs are dead.
      fingerprint: of the run (`pipeline.resume.run_fingerprint`); None where no earlier one can be the same.
      retries: whether the runner may run a bundle twice.
    """
    dead = list_dead_runs(staging.directory, own=staging.run)
    before = _read_last_record(staging.directory, dead)
    finished: list[Shard] = []
    if before is not None:
        run, record = before
        runs = [name for name in dead if name == run or name in record.reused_runs]
        finished = choose_finished_shards(staging.directory, runs, record, fingerprint)
        retries = retries or (bool(finished) and record.retries)
    used = sorted({shard.run for shard in finished})
    own = RunRecord(
        started=time.time(),
        host=socket.gethostname(),
        pid=os.getpid(),
        fingerprint=fingerprint,
        retries=retries,
        reused_runs=tuple(used),
    )
    staging.write(RUN_FILE, own.to_json().encode())
    # Only now: were this program killed in between, the next one could still use them.
    remove_runs(staging.directory, [name for name in dead if name not in used])
    return StartedRun(finished=finished, dead_runs=tuple(used))


def _read_last_record(directory: str, dead: list[str]) -> tuple[str, RunRecord] | None:
    """Returns the last of these runs that has recorded what it is, with its record; None if none has."""
    for run in reversed(dead):
        content = StagingFolder(directory=directory, run=run).read(RUN_FILE)
        record = None if content is None else RunRecord.from_json(content)
        if record is not None:
            return run, record
    return None
