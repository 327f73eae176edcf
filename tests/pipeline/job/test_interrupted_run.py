"""What a run of `embed` that was interrupted has left, by what lies in its output."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.commit.claim import Claimant
from albert_embed.pipeline.commit.plan import make_plan, write_plan
from albert_embed.pipeline.commit.staging import RUN_FILE, StagingFolder
from albert_embed.pipeline.commit.verdict import FAILED, PUBLISHED, UNCHANGED, Verdict, write_verdict
from albert_embed.pipeline.dataset.versions import create_version
from albert_embed.pipeline.job.interrupted_run import describe_interrupted_run, describe_interrupted_submission
from albert_embed.pipeline.resume.run_record import RunRecord
from albert_embed.pipeline.shards.row_counts import RowCounts
from albert_embed.transforms.files.directories import write_file_atomically
from tests.pipeline.made_manifest import make_manifest

RUN, EARLIER = "20260102T030405Z-0123456789ab", "20260101T030405Z-0123456789ab"
AGAIN = "nothing was published; run the same command again"


@pytest.fixture
def staging(tmp_path: Path) -> StagingFolder:
    return StagingFolder(directory=f"{tmp_path}/my out", run=RUN)


def write_record(staging: StagingFolder, **changes: Any) -> None:
    fields: dict[str, Any] = {"started": 0.0, "host": "h", "pid": 1, "fingerprint": {"model": "m"}, "range_bytes": None}
    staging.write(RUN_FILE, RunRecord(**{**fields, **changes}).to_json().encode())


def publish(staging: StagingFolder, **changes: Any) -> None:
    create_version(staging.directory, make_manifest(RowCounts(), generation=3, run=RUN, **changes))


def test_before_anything_is_finished(staging: StagingFolder) -> None:
    assert describe_interrupted_run(staging) == AGAIN
    write_record(staging)
    staging.write("embeddings-1.tfrecord", b"half a shard")
    assert describe_interrupted_run(staging) == AGAIN


def test_shards_that_the_next_run_can_use_and_those_of_others(staging: StagingFolder) -> None:
    write_record(staging, reused_runs=(EARLIER,))
    for run in (RUN, EARLIER, "20250101T030405Z-0123456789ab"):
        dataclasses.replace(staging, run=run).write("index-1.parquet", b"rows")
    assert describe_interrupted_run(staging) == (
        f"nothing was published; finished shards kept in {staging.directory}/_staging: 2; run the same command again "
        "to go on from there"
    )
    write_record(staging, fingerprint=None)  # of BigQuery's tables, or with --embeddings document
    assert describe_interrupted_run(staging) == AGAIN


@pytest.mark.parametrize("failed", [False, True])
def test_when_all_is_ready(staging: StagingFolder, failed: bool) -> None:
    write_plan(staging, make_plan(make_manifest(RowCounts()), run=RUN, generation=3, schemas={}))
    if failed:
        write_verdict(staging, Verdict(kind=FAILED))
    assert describe_interrupted_run(staging) == (
        AGAIN
        if failed
        else "nothing is published yet, but all is ready: run `albert-embed publish "
        f"'{staging.directory}'`, or the same command again"
    )


def test_when_it_is_published(staging: StagingFolder) -> None:
    publish(staging)
    published = f"version 3 of {staging.directory} is published"
    assert describe_interrupted_run(staging) == published
    write_plan(staging, make_plan(make_manifest(RowCounts()), run=RUN, generation=3, schemas={}))
    assert describe_interrupted_run(staging) == (
        f"{published}, but not all that follows is done: run `albert-embed publish '{staging.directory}'`"
    )
    write_verdict(staging, Verdict(kind=PUBLISHED, generation=3))
    assert describe_interrupted_run(staging) == published


def test_while_its_rows_are_loaded_into_a_table(staging: StagingFolder) -> None:
    publish(staging, pending_table="p.d.t")
    assert describe_interrupted_run(staging) == (
        f"version 3 of {staging.directory} is published, but its rows are not in p.d.t yet: run `albert-embed publish "
        f"'{staging.directory}'`"
    )


def test_a_version_of_another_run_is_not_this_ones(staging: StagingFolder) -> None:
    create_version(staging.directory, make_manifest(RowCounts(), generation=4, run=EARLIER))
    assert describe_interrupted_run(staging) == AGAIN


def test_when_there_was_nothing_to_change(staging: StagingFolder) -> None:
    write_verdict(staging, Verdict(kind=UNCHANGED))
    assert describe_interrupted_run(staging) == f"there was nothing to change in {staging.directory}"


@pytest.mark.parametrize(("run", "goes_on"), [(RUN, True), (EARLIER, False)])
def test_a_job_that_goes_on(staging: StagingFolder, run: str, goes_on: bool) -> None:
    claimant = Claimant(run=run, host="h", pid=1, renewed=0.0, runner="DataflowRunner", job_id="job-7")
    write_file_atomically(f"{staging.directory}/_claim.json", claimant.to_json())
    assert describe_interrupted_run(staging) == (
        f"the job job-7 on DataflowRunner goes on without this program, and publishes in {staging.directory} by itself"
        if goes_on
        else AGAIN
    )


def test_while_the_job_was_submitted() -> None:
    assert describe_interrupted_submission("gs://b/out", "DataflowRunner") == (
        "nothing is published yet; whether DataflowRunner has the job is not known: look there. If it has, the job "
        "publishes in gs://b/out by itself; if not, run the same command again"
    )
