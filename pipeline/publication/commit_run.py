"""`CommitRun`: the last steps of a run, plan → move → publish, so that the job publishes itself."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from albert_embed.pipeline.commit.claim import release_claim
from albert_embed.pipeline.commit.plan import PLAN_FILE, Move, Plan, locate_moves, read_plan, write_plan
from albert_embed.pipeline.commit.publish import clear_staged, publish_plan, remove_runs
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.commit.verdict import (
    PUBLISHED,
    UNCHANGED,
    VERDICT_FILE,
    Verdict,
    read_verdict,
    write_verdict,
)
from albert_embed.pipeline.publication.commit_task import CommitTask
from albert_embed.pipeline.publication.load_pending import load_pending
from albert_embed.pipeline.publication.plan_run import UnchangedError, plan_run
from albert_embed.pipeline.publication.run_errors import FINAL_ERRORS, describe_failure, raise_failure
from albert_embed.pipeline.publication.staged_run import RunClock, gather_staged
from albert_embed.transforms.files.literal_files import move_files
from albert_embed.transforms.steps.bundle_end import at_end_of_all


class CommitRun(beam.PTransform[beam.PCollection[Any], beam.PCollection[Any]]):
    """Publishes what a run has staged.

    Takes what `gather_staged` takes. Each step can run twice: the plan is written once, a file that was moved counts as
    moved, and a version is created once. Files are moved by the hundred, on all workers.

    Args:
      task: what is published, and under which conditions.
    """

    def __init__(self, task: CommitTask) -> None:
        super().__init__()
        self._task = task

    def expand(self, parts: beam.PCollection[Any]) -> beam.PCollection[Any]:
        clock = parts.pipeline | "Clock" >> beam.Create([None]) | "Begin" >> beam.Map(_read_clock)
        moved = (
            (parts, clock)
            | "AllParts" >> beam.Flatten()
            | "KeyParts" >> beam.Map(_give_one_key)
            | "GatherParts" >> beam.GroupByKey()
            | "Plan" >> beam.ParDo(PlanCommit(self._task))
            | "SpreadMoves" >> beam.Reshuffle()
            | "Move" >> beam.Map(move_part, directory=self._task.directory)
        )
        published: beam.PCollection[Any] = (
            moved
            | "KeyMoved" >> beam.Map(_give_one_key)
            | "GatherMoved" >> beam.GroupByKey()
            | "Publish" >> beam.ParDo(Publish(self._task))
        )
        return published


class PlanCommit(beam.DoFn):
    """Plans the commit, and yields the files to move, in parts."""

    def __init__(self, task: CommitTask) -> None:
        self._task = task

    def process(self, gathered: tuple[None, Iterable[Any]]) -> Iterator[tuple[Move, ...]]:
        plan = plan_once(gathered[1], self._task)
        if plan is not None:
            yield from plan.split_moves()


class Publish(beam.DoFn):
    """Publishes what was planned, once everything is moved."""

    def __init__(self, task: CommitTask) -> None:
        self._task = task

    def process(self, gathered: tuple[None, Iterable[Any]]) -> None:
        publish_run(self._task)


def plan_once(parts: Iterable[Any], task: CommitTask) -> Plan | None:
    """Returns the plan of a run, which an earlier attempt may have written; None where there is nothing to publish.

    Raises:
      RuntimeError: one of `FINAL_ERRORS`, if the run must not be published; its verdict says so.
    """
    verdict = read_verdict(task.staging)
    if verdict is not None:
        _release_claim(task)  # the attempt that wrote the verdict may have ended before it could
        raise_failure(verdict)
        return None
    plan = read_plan(task.staging)
    if plan is not None:
        return plan
    try:
        return write_plan(task.staging, plan_run(gather_staged(parts), task))
    except UnchangedError as e:
        remove_runs(task.directory, list(task.dead_runs))  # nothing of them is wanted
        end_run(task, Verdict(kind=UNCHANGED, manifest=e.manifest))
        return None
    except FINAL_ERRORS as e:
        end_run(task, describe_failure(e))
        raise


def move_part(moves: tuple[Move, ...], directory: str) -> int:
    """Moves some files to their places, and returns how many.

    Args:
      moves: what to move.
      directory: the dataset's.
    """
    move_files(locate_moves(directory, moves))
    return len(moves)


def publish_run(task: CommitTask) -> None:
    """Publishes what was planned, and releases the claim. Doing it again changes nothing.

    Raises:
      RuntimeError: one of `FINAL_ERRORS`, if that can't be done; the verdict says so.
    """
    verdict, plan = read_verdict(task.staging), read_plan(task.staging)
    if verdict is None and plan is None:
        raise RuntimeError(
            f"the plan of {task.staging.path} is gone; run `albert-embed publish {shlex.quote(task.directory)}`"
        )
    if verdict is not None and (plan is None or verdict.kind != PUBLISHED):
        _release_claim(task)
        raise_failure(verdict)
        return
    assert plan is not None
    try:
        finish_plan(task.staging, plan)
    except FINAL_ERRORS as e:
        end_run(task, describe_failure(e))
        raise
    _release_claim(task)


def finish_plan(staging: StagingFolder, plan: Plan) -> None:
    """Publishes a version whose files are at their places, loads its table, says so, and clears what is staged.

    Doing it again changes nothing.

    Args:
      staging: the folder of the run.
      plan: of the run.

    Raises:
      VersionConflictError: if another run has published meanwhile.
      TableLoadError: if the table can't be loaded; the version is published.
      OSError: if the file system refuses.
    """
    publish_plan(staging.directory, plan)
    load_pending(staging.directory, plan)
    write_verdict(staging, Verdict(kind=PUBLISHED, generation=plan.manifest.generation))
    clear_staged(staging.directory, plan)


def end_run(task: CommitTask, verdict: Verdict) -> None:
    """Writes the verdict of a run, and releases its claim."""
    write_verdict(task.staging, verdict)
    _release_claim(task)


def _release_claim(task: CommitTask) -> None:
    """Releases the claim of the run, where that is the job's own affair."""
    if task.releases_claim:
        release_claim(task.directory, task.staging.run)


class SkipEnded(beam.DoFn):
    """Passes documents on, unless the run has a plan or a verdict: some runners start a whole job again.

    A `RunClock` for each bundle goes to the output `CLOCK`.

    Args:
      staging: the folder of the run.
    """

    CLOCK = "clock"

    def __init__(self, staging: StagingFolder) -> None:
        self._staging = staging
        self._ended = False
        self._began = 0.0

    def setup(self) -> None:
        self._ended = self._staging.has(PLAN_FILE) or self._staging.has(VERDICT_FILE)

    def start_bundle(self) -> None:
        self._began = time.time()

    def process(self, documents: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        if not self._ended:
            yield documents

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput[str, Any]]:
        yield beam.pvalue.TaggedOutput(self.CLOCK, at_end_of_all(RunClock(began=self._began)))


def _read_clock(_: None) -> RunClock:
    return RunClock(began=time.time())


def _give_one_key(part: Any) -> tuple[None, Any]:
    return None, part
