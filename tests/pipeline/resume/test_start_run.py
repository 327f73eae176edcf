"""What a run finds when it starts: which runs before it may have finished some of it, and how they read their files."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.commit.plan import Plan, make_plan, write_plan
from albert_embed.pipeline.commit.publish import move_planned
from albert_embed.pipeline.commit.staging import RUN_FILE, StagingFolder
from albert_embed.pipeline.dataset.versions import create_version
from albert_embed.pipeline.resume.run_record import RunRecord, list_differences
from albert_embed.pipeline.resume.start_run import StartedRun, start_run
from albert_embed.pipeline.shards.shard import Shard
from tests.pipeline.embedded_rows import make_formats, make_manifest, make_rows, write_shard

SAME = {"model": "m"}
RUNS = [f"2026010{day}T030405Z-0123456789ab" for day in range(1, 6)]


def make_record(**changes: Any) -> RunRecord:
    fields: dict[str, Any] = {"started": 1.0, "host": "h", "pid": 2, "fingerprint": SAME, "range_bytes": 77}
    return RunRecord(**{**fields, **changes})


def leave(directory: Path, run: str, *, shards: int, **changes: Any) -> list[Shard]:
    """Leaves what a run that was cut off has staged, and returns its shards."""
    folder = StagingFolder(directory=str(directory), run=run)
    formats = make_formats(("parquet",))
    written = [write_shard(folder.path, make_rows([2], first=number), formats) for number in range(shards)]
    folder.write(RUN_FILE, make_record(**changes).to_json().encode())
    return written


def plan_commit(directory: Path, run: str, shards: list[Shard]) -> Plan:
    """Plans the commit of a run that has staged these shards."""
    folder = StagingFolder(directory=str(directory), run=run)
    manifest = make_manifest([make_rows([2], first=number) for number in range(len(shards))], "float_list", shards)
    return write_plan(folder, make_plan(manifest, run=run, generation=1, schemas={}))


def start(directory: Path, run: str, fingerprint: dict[str, Any] | None = SAME) -> StartedRun:
    folder = StagingFolder(directory=str(directory), run=run)
    started = start_run(folder, fingerprint=fingerprint, range_bytes=1000)
    record = RunRecord.from_json(folder.read(RUN_FILE) or b"")
    assert record is not None and record.fingerprint == fingerprint
    assert (record.reused_runs, record.range_bytes) == (started.unfinished_runs, started.range_bytes)
    return started


def list_runs(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "_staging").iterdir())


@pytest.mark.parametrize(
    ("before", "fingerprint", "message"),
    [
        ({}, SAME, "2 shards of a run that was cut off are used again, if they are whole"),
        (
            {},
            {"model": "n", "input": "i"},
            "2 shards of a run that was cut off are embedded again, because these have changed: input, model",
        ),
        ({}, None, "2 shards of a run that was cut off are embedded again: its input can't be compared"),
        (
            {"fingerprint": None},
            SAME,
            "2 shards of a run that was cut off are embedded again: its input can't be compared",
        ),
    ],
)
def test_shards_are_used_by_a_run_of_the_same_fingerprint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, before: Any, fingerprint: Any, message: str
) -> None:
    leave(tmp_path, RUNS[0], shards=2, **before)
    with caplog.at_level(logging.INFO):
        started = start(tmp_path, RUNS[1], fingerprint)
    assert caplog.messages == [message]
    used = "used again" in message
    assert started == StartedRun(unfinished_runs=(RUNS[0],) if used else (), range_bytes=77 if used else 1000)
    assert list_runs(tmp_path) == (RUNS[:2] if used else RUNS[1:2])


def test_a_first_run_finds_nothing(tmp_path: Path) -> None:
    assert start(tmp_path, RUNS[0]) == StartedRun(unfinished_runs=(), range_bytes=1000)


def test_a_run_goes_on_from_all_that_went_on_from_one_another(tmp_path: Path) -> None:
    leave(tmp_path, RUNS[0], shards=1)
    leave(tmp_path, RUNS[1], shards=1, fingerprint={"model": "other"})  # nobody uses it
    leave(tmp_path, RUNS[2], shards=0, reused_runs=(RUNS[0],))  # died before its first shard
    leave(tmp_path, RUNS[3], shards=3, reused_runs=(RUNS[0],))
    assert start(tmp_path, RUNS[4]).unfinished_runs == (RUNS[0], RUNS[3])
    assert list_runs(tmp_path) == [RUNS[0], RUNS[3], RUNS[4]]


def test_a_run_that_finished_nothing_is_forgotten(tmp_path: Path) -> None:
    leave(tmp_path, RUNS[0], shards=0)
    assert start(tmp_path, RUNS[1]) == StartedRun(unfinished_runs=(), range_bytes=1000)
    assert list_runs(tmp_path) == [RUNS[1]]


def test_a_record_comes_back_and_nothing_else_does() -> None:
    record = make_record(reused_runs=("a", "b"))
    assert RunRecord.from_json(record.to_json().encode()) == record
    for content in (b"", b"{", b"{}", b"[]", b'{"started": 1, "host": "h", "pid": 2}'):
        assert RunRecord.from_json(content) is None
    assert list_differences({"a": 1, "b": 2, "c": None}, {"a": 1, "b": 3, "d": 4}) == ["b", "d"]


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("moved", [0, 1, None], ids=["planned", "half moved", "moved"])
def test_what_a_run_had_begun_to_publish_is_used_again(tmp_path: Path, moved: int | None, same: bool) -> None:
    shards = leave(tmp_path, RUNS[0], shards=2)
    folder = tmp_path / "_staging" / RUNS[0]
    staged = sorted(path.name for path in folder.iterdir())
    plan = plan_commit(tmp_path, RUNS[0], shards)
    move_planned(str(tmp_path), dataclasses.replace(plan, moves=plan.moves[:moved]))
    started = start(tmp_path, RUNS[1], SAME if same else {"model": "other"})
    assert started.unfinished_runs == ((RUNS[0],) if same else ())
    if same:
        assert sorted(path.name for path in folder.iterdir()) == staged
    assert list_runs(tmp_path) == (RUNS[:2] if same else RUNS[1:2])
    assert not any((tmp_path / name).exists() and any((tmp_path / name).iterdir()) for name in ("parquet", "_index"))


def test_what_a_run_had_published_is_left_where_it_is(tmp_path: Path) -> None:
    """It died before it could clear up."""
    plan = plan_commit(tmp_path, RUNS[0], leave(tmp_path, RUNS[0], shards=1))
    move_planned(str(tmp_path), plan)
    create_version(str(tmp_path), plan.manifest)
    assert start(tmp_path, RUNS[1]).unfinished_runs == ()
    assert list_runs(tmp_path) == [RUNS[1]]
    assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == 1
