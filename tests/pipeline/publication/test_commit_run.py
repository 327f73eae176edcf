"""The last steps of a run, when the attempt before ended between two of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from apache_beam.internal import pickler
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed import read_embeddings
from albert_embed.pipeline.bigquery.table_jobs import TableLoadError
from albert_embed.pipeline.commit.claim import Claim, read_claimant
from albert_embed.pipeline.commit.plan import make_plan, write_plan
from albert_embed.pipeline.commit.publish import clear_staged, move_planned, publish_plan
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.commit.verdict import FAILED, PUBLISHED, UNCHANGED, Verdict, read_verdict, write_verdict
from albert_embed.pipeline.documents.count_fields import MissingFieldError
from albert_embed.pipeline.publication import commit_run, load_pending
from albert_embed.pipeline.publication.commit_run import PlanCommit, Publish, SkipEnded, plan_once, publish_run
from albert_embed.pipeline.publication.plan_run import UnchangedError
from albert_embed.pipeline.publication.staged_run import RunClock
from tests.pipeline.embedded_rows import make_formats, make_manifest, make_rows, write_shard

RUN = "20260102T030405Z-0123456789ab"


@pytest.fixture
def task(tmp_path: Path) -> Any:
    """A run that has claimed its output and has staged a shard."""
    staging = StagingFolder(directory=str(tmp_path), run=RUN)
    claim = Claim(str(tmp_path), RUN)
    claim.acquire(PipelineOptions([]))
    claim.leave()  # to the job
    return SimpleNamespace(staging=staging, directory=str(tmp_path), releases_claim=True)


def plan_commit(task: Any, **changes: Any) -> Any:
    shards = [write_shard(task.staging.path, make_rows([2, 3]), make_formats(["parquet"]))]
    manifest = make_manifest([make_rows([2, 3])], "float_list", shards, **changes)
    plan = write_plan(task.staging, make_plan(manifest, run=RUN, generation=1, schemas={}))
    move_planned(task.directory, plan)
    return plan


@pytest.mark.parametrize("step", ["moved", "version", "verdict"])
def test_an_attempt_does_what_the_one_before_has_left(task: Any, tmp_path: Path, step: str) -> None:
    plan = plan_commit(task)
    if step != "moved":
        publish_plan(task.directory, plan)
    if step == "verdict":
        write_verdict(task.staging, Verdict(kind=PUBLISHED, generation=1))
    for _ in range(2):
        publish_run(task)
        assert read_claimant(task.directory) is None
        assert [path.name for path in Path(task.staging.path).iterdir()] == ["verdict.json"]
        assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == 2


@pytest.mark.parametrize("step", ["plan", "publish"])
def test_the_claim_is_released_by_whoever_finds_a_verdict(task: Any, step: str) -> None:
    kind = UNCHANGED if step == "plan" else FAILED
    write_verdict(task.staging, Verdict(kind=kind, error="MissingFieldError", message="no record has it"))
    if step == "plan":
        assert plan_once([], task) is None
    else:
        with pytest.raises(MissingFieldError, match=r"^no record has it$"):
            publish_run(task)
    assert read_claimant(task.directory) is None


@pytest.mark.parametrize("ended", [None, "plan", "verdict"])
def test_a_job_that_is_started_again_embeds_nothing_once_it_has_ended(task: Any, ended: str | None) -> None:
    documents = pa.RecordBatch.from_pydict({"id": [b"a"]})
    if ended == "plan":
        plan_commit(task)
    elif ended == "verdict":
        write_verdict(task.staging, Verdict(kind=UNCHANGED))
    step = pickler.loads(pickler.dumps(SkipEnded(task.staging)))
    step.setup()
    assert list(step.process(documents)) == ([documents] if ended is None else [])


@pytest.mark.parametrize("step", [PlanCommit, Publish])
def test_the_last_steps_go_to_workers(task: Any, step: Any) -> None:
    assert vars(pickler.loads(pickler.dumps(step(task)))) == {"_task": task}


def test_the_claim_is_held_until_what_was_staged_is_gone(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next run begins to clear the same folder, and the verdict with it."""
    plan_commit(task)
    held: list[bool] = []
    clear = clear_staged

    def watch(*arguments: Any) -> None:
        held.append(read_claimant(task.directory) is not None)
        clear(*arguments)

    monkeypatch.setattr(commit_run, "clear_staged", watch)
    publish_run(task)
    assert held == [True] and read_claimant(task.directory) is None


def test_a_table_that_can_not_be_loaded_says_how_to_go_on(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_commit(task, pending_table="p.d.t")

    class Table:
        def locate(self) -> None:
            raise TableLoadError("bq:p:d.t: the job j failed: the quota is used up")

    monkeypatch.setattr(load_pending, "_open_table", lambda _: Table())
    with pytest.raises(TableLoadError) as error:
        publish_run(task)
    assert str(error.value) == (
        f"version 1 of {task.directory} is published, but its rows are not in the table: bq:p:d.t: the job j failed: "
        f"the quota is used up. Once the cause is gone, run `albert-embed publish {task.directory}`"
    )
    verdict = read_verdict(task.staging)
    assert verdict is not None and (verdict.kind, verdict.exit_status, verdict.message) == (FAILED, 4, str(error.value))
    assert read_claimant(task.directory) is None


def test_a_run_that_changes_nothing_forgets_the_runs_of_which_it_wanted_nothing(
    task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = StagingFolder(directory=task.directory, run="20260101T030405Z-0123456789ab")
    dead.write("index-0.parquet", b"rows")
    task.dead_runs = (dead.run,)

    def find_nothing(*_: Any) -> Any:
        raise UnchangedError(make_manifest([], "float_list"))

    monkeypatch.setattr(commit_run, "plan_run", find_nothing)
    assert plan_once([RunClock(began=0.0)], task) is None
    assert not Path(dead.path).exists()
    verdict = read_verdict(task.staging)
    assert verdict is not None and verdict.kind == UNCHANGED and read_claimant(task.directory) is None
