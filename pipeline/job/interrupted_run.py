"""What a run that was interrupted has left, and how to go on: read from its output, so true in every phase."""

from __future__ import annotations

import shlex

from albert_embed.pipeline.commit.claim import read_claimant
from albert_embed.pipeline.commit.plan import read_plan
from albert_embed.pipeline.commit.publish import find_published
from albert_embed.pipeline.commit.staging import RUN_FILE, StagingFolder, list_staged
from albert_embed.pipeline.commit.verdict import UNCHANGED, read_verdict
from albert_embed.pipeline.console.interruption import NOTHING_PUBLISHED
from albert_embed.pipeline.dataset.versions import find_latest_number, read_version
from albert_embed.pipeline.resume.candidate_shards import is_index
from albert_embed.pipeline.resume.run_record import RunRecord


def describe_interrupted_run(staging: StagingFolder) -> str:
    """Returns what a run has left that has ended, or goes on without this program.

    Args:
      staging: the folder of the run.
    """
    directory = staging.directory
    claimant = read_claimant(directory)
    if claimant is not None and claimant.run == staging.run and claimant.job_id:
        return f"{claimant.describe()} goes on without this program, and publishes in {directory} by itself"
    plan, verdict = read_plan(staging), read_verdict(staging)
    publish = f"`albert-embed publish {shlex.quote(directory)}`"
    number = find_published(directory, staging.run)
    if number is not None:
        published = f"version {number} of {directory} is published"
        table = read_version(directory, number).pending_table
        if table is not None:
            return f"{published}, but its rows are not in {table} yet: run {publish}"
        return f"{published}, but not all that follows is done: run {publish}" if plan and not verdict else published
    if verdict is not None and verdict.kind == UNCHANGED:
        return f"there was nothing to change in {directory}"
    if plan is not None and verdict is None:
        return f"nothing is published yet, but all is ready: run {publish}, or the same command again"
    kept = _count_kept_shards(staging)
    if not kept:
        return NOTHING_PUBLISHED
    return (
        f"nothing was published; finished shards kept in {directory}/_staging: {kept:,}; run the same command again to "
        "go on from there"
    )


def _count_kept_shards(staging: StagingFolder) -> int:
    """Returns how many shards the next run can use; none where it can't know that it is the same."""
    content = staging.read(RUN_FILE)
    record = None if content is None else RunRecord.from_json(content)
    if record is None or record.fingerprint is None:
        return 0
    staged = list_staged(staging.directory)
    return sum(is_index(file.name) for run in (staging.run, *record.reused_runs) for file in staged.get(run, []))


def describe_interrupted_compaction(directory: str, before: int) -> str:
    """Returns what a run has left that was interrupted while it compacted its output.

    Args:
      directory: the output.
      before: the number of the latest version when that began.
    """
    latest = find_latest_number(directory)
    if latest > before:
        return f"version {before} of {directory} is published, and compacted as version {latest}"
    return (
        f"version {before} of {directory} is published, but not compacted: run `albert-embed compact "
        f"{shlex.quote(directory)}`"
    )


def describe_interrupted_submission(directory: str, runner: str) -> str:
    """Returns what a run has left that was interrupted while it submitted its job.

    Args:
      directory: the output.
      runner: where to.
    """
    return (
        f"nothing is published yet; whether {runner} has the job is not known: look there. If it has, the job "
        f"publishes in {directory} by itself; if not, run the same command again"
    )
