"""`start_run`: says what a run is, and which runs that were cut off may have finished some of it."""

from __future__ import annotations

import dataclasses
import logging
import os
import socket
import time
from typing import Any

from albert_embed.pipeline.commit.publish import remove_runs, restore_run
from albert_embed.pipeline.commit.staging import RUN_FILE, StagingFolder, list_staged
from albert_embed.pipeline.resume.candidate_shards import is_index
from albert_embed.pipeline.resume.run_record import RunRecord, list_differences

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartedRun:
    """What a run finds when it starts.

    Attributes:
      unfinished_runs: runs with the same fingerprint that were cut off, the earliest first. Their folders stay until
        the run is published.
      range_bytes: length of the ranges in which all of these read their files, and so this run, too.
    """

    unfinished_runs: tuple[str, ...]
    range_bytes: int | None


def start_run(staging: StagingFolder, *, fingerprint: dict[str, Any] | None, range_bytes: int | None) -> StartedRun:
    """Writes down what a run is, and removes what runs that were cut off have staged, unless this one can use it.

    Nothing of that is read here but names, so that it takes no longer for many shards. What a run had begun to publish
    is staged again first.

    Args:
      staging: of the run, which has claimed the dataset: all other runs are dead.
      fingerprint: of the run (`pipeline.resume.run_fingerprint`); None where no earlier one can be the same.
      range_bytes: length of the ranges in which it would read its files; None where it reads none.
    """
    staged = list_staged(staging.directory)
    dead = [run for run in staged if run != staging.run]
    before = _read_last_record(staging.directory, dead)
    used: list[str] = []
    if before is not None:
        run, record = before
        usable = [name for name in dead if name == run or name in record.reused_runs]
        # One that ended between its plan and its version has moved its shards.
        if fingerprint is not None and fingerprint == record.fingerprint:
            restored = [restore_run(staging.directory, name) for name in usable]
            staged = list_staged(staging.directory) if any(restored) else staged
        shards = {name: sum(is_index(file.name) for file in staged.get(name, [])) for name in usable}
        if _is_same_run(record.fingerprint, fingerprint, sum(shards.values())):
            used = [name for name, count in shards.items() if count]
            range_bytes = record.range_bytes if used else range_bytes
    own = RunRecord(
        started=time.time(),
        host=socket.gethostname(),
        pid=os.getpid(),
        fingerprint=fingerprint,
        range_bytes=range_bytes,
        reused_runs=tuple(used),
    )
    staging.write(RUN_FILE, own.to_json().encode())
    # Only now: were this program killed in between, the next one could still use them.
    remove_runs(staging.directory, [name for name in dead if name not in used])
    return StartedRun(unfinished_runs=tuple(used), range_bytes=range_bytes)


def _is_same_run(before: dict[str, Any] | None, now: dict[str, Any] | None, shards: int) -> bool:
    """Returns whether a run can use the shards of one before, and logs whether it does, if there are any."""
    if not shards:
        return False
    again = f"{shards} shards of a run that was cut off are embedded again"
    if before is None or now is None:
        logger.info("%s: its input can't be compared", again)
        return False
    differences = list_differences(before, now)
    if differences:
        logger.info("%s, because these have changed: %s", again, ", ".join(differences))
        return False
    logger.info("%d shards of a run that was cut off are used again, if they are whole", shards)
    return True


def _read_last_record(directory: str, dead: list[str]) -> tuple[str, RunRecord] | None:
    """Returns the last of these runs that has written down what it is, with its record; None if none has."""
    for run in reversed(dead):
        content = StagingFolder(directory=directory, run=run).read(RUN_FILE)
        record = None if content is None else RunRecord.from_json(content)
        if record is not None:
            return run, record
    return None
