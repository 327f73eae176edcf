"""`start_run`: chooses what a run that was cut off has finished, before the next one writes."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.resume.finished_shards import choose_finished_shards
from albert_embed.pipeline.resume.run_record import RunRecord
from albert_embed.pipeline.shards.shard import Shard

RUN_FILE = "run.json"


def start_run(output: OutputDirectory, *, fingerprint: dict[str, Any] | None, retries: bool) -> list[Shard]:
    """Clears what a run that was cut off has staged, and records what this one is.

    Args:
      output: prepared for the run.
      fingerprint: of the run (`pipeline.resume.run_fingerprint`); None where no earlier one can be the same.
      retries: whether the runner may run a bundle twice.

    Returns:
      The staged shards that this run can use: those that a run with the same fingerprint had finished. They are kept.
    """
    before = RunRecord.from_json(output.read_staged(RUN_FILE)) if output.is_staged(RUN_FILE) else None
    finished = choose_finished_shards(output.staging, before, fingerprint)
    output.keep_staged({name for shard in finished for name in shard.files})
    if finished and before is not None:
        retries = retries or before.retries
    record = RunRecord(
        started=time.time(), host=socket.gethostname(), pid=os.getpid(), fingerprint=fingerprint, retries=retries
    )
    output.stage(RUN_FILE, record.to_json())
    return finished
