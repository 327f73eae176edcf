"""`albert-embed publish`: it completes what a job has begun to publish, and is harmless otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.commit import publish
from albert_embed.pipeline.commit.plan import make_plan, write_plan
from albert_embed.pipeline.commit.transaction import Transaction
from albert_embed.pipeline.commit.verdict import FAILED, Verdict, write_verdict
from albert_embed.pipeline.dataset.versions import create_version, list_versions
from albert_embed.pipeline.publication.complete_run import Completion, complete_runs
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.literal_files import move_files
from tests.pipeline.embedded_rows import make_formats, make_manifest, make_rows, publish_rows, write_shard

NO_OPTIONS = PipelineOptions([])
STEPS = ["planned", "half moved", "moved", "version", "manifest"]


def leave(directory: Path, step: str, *, ahead: int = 1) -> str:
    """Leaves a run that ended after a step of its commit, `ahead` versions on; returns its name."""
    transaction = Transaction(str(directory))
    base = transaction.begin(overwrite=True)
    rows = [make_rows([2], first=number) for number in range(3)]
    shards = [write_shard(transaction.staging.path, batch, make_formats(["parquet"])) for batch in rows]
    generation = ahead if base is None else base.generation + ahead
    plan = make_plan(
        make_manifest(rows, "float_list", shards),
        run=transaction.staging.run,
        generation=generation,
        schemas={"_x": "y"},
    )
    write_plan(transaction.staging, plan)
    if step == "half moved":
        move_files([(f"{directory}/{move.source}", f"{directory}/{move.destination}") for move in plan.moves[:2]])
    if step not in ("planned", "half moved"):
        publish.move_planned(str(directory), plan)
    if step in ("version", "manifest"):
        create_version(str(directory), plan.manifest)
    if step == "manifest":
        publish.publish_plan(str(directory), plan)
    transaction._claim.release()
    return transaction.staging.run


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_what_was_begun_is_completed(tmp_path: Path, step: str, before: bool) -> None:
    if before:
        publish_rows(tmp_path, [make_rows([7])])
    run = leave(tmp_path, step)
    number = 2 if before else 1
    assert complete_runs(str(tmp_path), NO_OPTIONS) == Completion(version=number, completed=run)
    assert list_versions(str(tmp_path)) == [number] and (tmp_path / "_x").read_text() == "y"
    assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == 3
    assert not (tmp_path / "_staging").exists() and not (tmp_path / "_claim.json").exists()
    assert complete_runs(str(tmp_path), NO_OPTIONS) == Completion(version=number, completed=None)


def test_what_failed_or_came_too_late_is_left(tmp_path: Path) -> None:
    run = leave(tmp_path, "planned")
    staging = Transaction(str(tmp_path)).staging
    failed = type(staging)(directory=str(tmp_path), run=run)
    write_verdict(failed, Verdict(kind=FAILED, exit_status=3, error="TooManyFailuresError", message="too many"))
    assert complete_runs(str(tmp_path), NO_OPTIONS) == Completion(version=0, completed=None)
    assert failed.has("plan.json")
    publish_rows(tmp_path, [make_rows([7])])  # the next run removes it
    assert complete_runs(str(tmp_path), NO_OPTIONS) == Completion(version=1, completed=None)


def test_a_plan_of_a_version_after_the_next_is_left(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([7])])
    leave(tmp_path, "planned", ahead=2)
    assert complete_runs(str(tmp_path), NO_OPTIONS) == Completion(version=1, completed=None)


def test_a_run_that_is_alive_is_left_alone(tmp_path: Path) -> None:
    alive = Transaction(str(tmp_path))
    alive.begin(overwrite=False)
    alive.staging.write("part", b"rows")
    with pytest.raises(OutputError, match="is being written by another run"):
        complete_runs(str(tmp_path), NO_OPTIONS)
    alive.end()


def test_what_the_command_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = leave(tmp_path, "moved")
    said: list[dict[str, Any]] = []
    for _ in range(2):
        assert main(["publish", str(tmp_path), "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert [(record["status"], record["version"], record["run"]) for record in said] == [
        ("published", 1, run),
        ("unchanged", 1, None),
    ]
    assert main(["publish", str(tmp_path / "none")]) == 2
    assert "holds neither a finished output nor anything of a run" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_file_system_that_refuses_is_a_failure_and_no_wrong_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = leave(tmp_path, "planned")

    def fail(*_: Any) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(publish, "move_files", fail)
        assert main(["publish", str(tmp_path)]) == 4
    assert f"version 1 of {tmp_path} could not be completed: the disk is gone; run the same" in capsys.readouterr().err
    assert complete_runs(str(tmp_path), NO_OPTIONS) == Completion(version=1, completed=run)
