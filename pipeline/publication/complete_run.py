"""`complete_runs`: finishes what a run has begun to publish, where its job ended in between."""

from __future__ import annotations

import dataclasses
import logging

from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.claim import Claim
from albert_embed.pipeline.commit.plan import Plan, read_plan
from albert_embed.pipeline.commit.publish import find_published, move_planned
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.commit.staging import StagingFolder, list_staged
from albert_embed.pipeline.commit.verdict import FAILED, read_verdict
from albert_embed.pipeline.dataset.versions import find_latest_number, list_versions, read_version
from albert_embed.pipeline.publication.commit_run import finish_plan
from albert_embed.pipeline.publication.run_errors import RunFailedError
from albert_embed.pipeline.storage.output_error import OutputError

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Completion:
    """The result of completing a dataset.

    Attributes:
      version: the latest one; 0 where there is none.
      completed: the run that was completed; None where there was nothing to do.
    """

    version: int
    completed: str | None


def complete_runs(directory: str, beam_options: PipelineOptions) -> Completion:
    """Publishes what was planned and not published, and loads what is still to be loaded into a table.

    It is harmless where there is nothing to do.

    Args:
      directory: the dataset's.
      beam_options: say where the runner is, which is asked whether a job is still alive.

    Raises:
      OutputError: if it is neither a dataset nor the output of a run, or a run is writing to it.
      RunFailedError: if the file system refuses.
      TableLoadError: if a job of BigQuery fails.
    """
    if not list_versions(directory) and not list_staged(directory):
        raise OutputError(f"{directory} holds neither a finished output nor anything of a run; check the path")
    claim = Claim(directory, make_run_name(), named="DIR")
    claim.acquire(beam_options)
    try:
        for run in list_staged(directory):
            staging = StagingFolder(directory=directory, run=run)
            plan = read_plan(staging)
            if plan is not None and _can_complete(staging, plan):
                _complete(staging, plan)
                logger.info("version %d of %s is complete", plan.manifest.generation, directory)
                return Completion(version=plan.manifest.generation, completed=run)
    finally:
        claim.release()
    return Completion(version=find_latest_number(directory), completed=None)


def _complete(staging: StagingFolder, plan: Plan) -> None:
    try:
        if find_published(staging.directory, staging.run) is None:
            move_planned(staging.directory, plan)
        finish_plan(staging, plan)
        staging.remove()
    except OSError as e:
        raise RunFailedError(
            f"version {plan.manifest.generation} of {staging.directory} could not be completed: {e}; run the same "
            "command again once the cause is gone"
        ) from e


def _can_complete(staging: StagingFolder, plan: Plan) -> bool:
    """Returns whether a plan is the next version, or the latest one whose table lacks rows."""
    latest = find_latest_number(staging.directory)
    if plan.manifest.generation == latest + 1:
        verdict = read_verdict(staging)
        return verdict is None or verdict.kind != FAILED
    if plan.manifest.generation != latest or find_published(staging.directory, staging.run) is None:
        return False
    return read_version(staging.directory, latest).pending_table is not None or read_verdict(staging) is None
