"""`embed --dry-run`: every problem at once, the plan, and nothing written."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.commit.claim import Claim
from tests.pipeline.embedded_rows import make_rows, publish_rows
from tests.tiny_model import CORPUS


def list_tree(folder: Path) -> list[tuple[str, int, int]]:
    """Every file and folder, with its size and when it was changed."""
    paths = sorted(folder.rglob("*"))
    return [(str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in paths]


def rehearse(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, dict[str, Any], list[str]]:
    """Runs `embed --dry-run --json`; gives the exit status, the record, and the problems on standard error."""
    status = main(["embed", "--dry-run", "--json", *flags])
    captured = capsys.readouterr()
    record = json.loads(captured.out)
    errors = [line for line in captured.err.splitlines() if line.startswith("albert-embed embed: ")]
    assert record["exit_status"] == status
    assert [f"albert-embed embed: {problem}" for problem in record["problems"]] == errors
    return status, record, record["problems"]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port where nothing answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]


@pytest.mark.integration
def test_the_plan_is_what_the_run_does(capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path) -> None:
    out = tmp_path / "out"
    flags = ["--model", str(tiny_model), "--input", str(CORPUS), "--output", str(out), "--embeddings", "mean"]
    status, record, problems = rehearse(capsys, *flags)
    assert (status, record["status"], problems) == (0, "ready", [])
    assert list_tree(tmp_path) == []
    plan = record["plan"]
    assert plan["input"] == {"format": "text", "files": 1, "bytes": CORPUS.stat().st_size, "ranges": 1}
    assert plan["output"] == {"directory": str(out), "table": None, "sinks": ["tfrecord"], "effect": "new"}
    assert (plan["engine"], plan["runner"], plan["sets"]) == ("tensorflow", "directrunner", [])
    assert main(["embed", *flags, "--json"]) == 0
    ran = json.loads(capsys.readouterr().out)
    estimate = plan["estimate"]
    assert (estimate["documents"], estimate["rows"]) == (ran["counts"]["documents"], ran["counts"]["rows"])
    assert estimate["tokens"] == ran["counts"]["tokens"]
    assert estimate["batches"] == ran["measured"]["counters"]["batches"]
    written = sum(path.stat().st_size for path in (out / "tfrecord").iterdir())
    assert estimate["output_bytes"] == pytest.approx(written, rel=0.1)
    assert estimate["shards"] == 1 and estimate["here"]["tokens_per_second"] > 0
    before = list_tree(tmp_path)
    status, record, problems = rehearse(capsys, *flags)
    assert problems == [f"{out} holds a finished output; give another --output, or --overwrite to replace it"]
    assert (status, record["status"], record["plan"]["estimate"]) == (2, "usage", None)
    assert rehearse(capsys, *flags, "--overwrite")[1]["plan"]["output"]["effect"] == "replaces version 1"
    assert list_tree(tmp_path) == before


@pytest.mark.integration
def test_a_large_input_is_sampled(capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path) -> None:
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    records = [json.dumps({"id": str(number), "text": lines[number % len(lines)]}) for number in range(20_000)]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(records))
    flags = ["--model", str(tiny_model), "--input", str(corpus), "--output", str(tmp_path / "out")]
    estimate = rehearse(capsys, *flags)[1]["plan"]["estimate"]
    assert estimate["documents"] == pytest.approx(20_000, rel=0.03)
    assert estimate["rows"] == pytest.approx(20_000, rel=0.03)
    assert os.listdir(tmp_path) == ["corpus.jsonl"]


def test_every_problem_is_listed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path, taken_port: int
) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    records = tmp_path / "records.csv"
    records.write_text("text,title\na,b\n")
    before = list_tree(tmp_path)
    status, record, problems = rehearse(
        capsys,
        *("--model", str(tiny_model), "--input", f"{tmp_path}/none*", f"{tmp_path}/nothing*", str(records)),
        *("--output", f"{file}/out", "--embeddings", "sentence,mean", "--dimensions", "5"),
        *("--transform", "/nowhere", "--gpu", "l4", "--no-wait"),
    )
    assert (status, record["status"]) == (2, "usage")
    assert [problem.split(";")[0] for problem in problems] == [
        "--gpu l4 asks Dataflow for GPUs",
        "--no-wait needs a runner that goes on without this program, such as --runner DataflowRunner",
        f"--input {tmp_path}/none* matches no files",
        f"--input {tmp_path}/nothing* matches no files",
        *[problem.split(";")[0] for problem in problems[4:7]],
        f"--output {file}/out can't be made: {file} is no folder",
    ]
    assert "sentence" in problems[4]
    assert "--dimensions" in problems[5]
    assert problems[6].startswith("/nowhere holds no finished transform graph")
    assert list_tree(tmp_path) == before


def test_fields_and_a_runner_that_does_not_answer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path, taken_port: int
) -> None:
    records = tmp_path / "records.csv"
    records.write_text("text,title\na,b\n")
    flags = ["--model", str(tiny_model), "--input", str(records), "--output", f"{tmp_path}/out"]
    problems = rehearse(
        capsys,
        *flags,
        "--keep-fields",
        "titel,yaer",
        "--runner",
        "FlinkRunner",
        "--flink_master",
        f"127.0.0.1:{taken_port}",
    )[2]
    assert problems[0].startswith(f"--flink_master 127.0.0.1:{taken_port} can't be reached: ")
    local = [problem.split(",")[0] for problem in problems[1:4]]
    assert local == [
        f"--model {tiny_model} is a path of this machine",
        f"--input {records} is a path of this machine",
        f"--output {tmp_path}/out is a path of this machine",
    ]
    assert [("titel" in problem, "yaer" in problem) for problem in problems[4:]] == [(True, False), (False, True)]
    assert sorted(os.listdir(tmp_path)) == ["records.csv"]


def test_what_dataflow_lacks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    def find_none(*_: object, **__: object) -> object:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr(google.auth, "default", find_none)
    flags = ["--model", "/m", "--input", "/i", "--output", str(tmp_path / "out"), "--runner", "DataflowRunner"]
    dataflow = ["--project", "X", "--region", "us-central1-a", "--num_workers", "0", "--gpu", "l4"]
    _, record, problems = rehearse(capsys, *flags, *dataflow, "--s3_session_token", "t", "--setup_file", "/none.py")
    assert [problem.split(" ")[0] for problem in problems[:8]] == [
        "--project",
        "--region",
        "Dataflow",
        "--s3_session_token",
        "--num_workers",
        "--setup_file",
        "--gpu",
        "--runner",
    ]
    assert problems[6].startswith("--gpu l4:1 needs an image that has CUDA's libraries")
    assert problems[7].startswith("--runner DataflowRunner: no credentials for Google Cloud were found")
    assert [setting.split(" ")[0] for setting in record["plan"]["sets"]] == [
        "--dataflow_service_options",
        "--machine_type",
        "--disk_size_gb",
        "--experiments",
        "--number_of_worker_harness_threads",
        "--max_num_workers",
    ]


def test_a_dataset_that_is_claimed_or_other(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path
) -> None:
    publish_rows(tmp_path / "out", [make_rows([2])])
    flags = ["--model", str(tiny_model), "--input", str(CORPUS), "--output", f"{tmp_path}/out", "--incremental"]
    claim = Claim(str(tmp_path / "out"), "another")
    from apache_beam.options.pipeline_options import PipelineOptions

    claim.acquire(PipelineOptions([]))
    before = list_tree(tmp_path)
    try:
        problems = rehearse(capsys, *flags)[2]
    finally:
        assert list_tree(tmp_path) == before
        claim.release()
    assert problems[0].startswith(f"{tmp_path}/out is being written by another run (process {os.getpid()} on ")
    assert "model" in problems[1] and len(problems) == 2
    assert rehearse(capsys, *flags)[2] == problems[1:]
    assert not (tmp_path / "out" / "_claim.json").exists()


def test_a_folder_without_the_right_to_write(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    flags = ["--model", str(tiny_model), "--input", str(CORPUS), "--output", f"{tmp_path}/a/b"]
    message = (
        f"--output {tmp_path}/a/b can't be written: there is no right to write in {tmp_path}; give another --output, "
        "or run as a user who may write there"
    )
    assert rehearse(capsys, *flags)[2] == [message]
    assert main(["embed", *flags]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"albert-embed embed: {message}"
    assert list_tree(tmp_path) == []


def test_for_people_and_no_result_file(capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path) -> None:
    flags = ["--model", str(tiny_model), "--input", str(CORPUS), "--output", f"{tmp_path}/out", "--max-tokens", "129"]
    assert main(["embed", "--dry-run", *flags, "--result-file", f"{tmp_path}/result.json"]) == 2
    captured = capsys.readouterr()
    assert "read as text" in captured.out and "analyze --plan" in captured.out
    assert captured.err.splitlines()[-1] == (
        "albert-embed embed: max-tokens 129 is more than the 128 positions that the model has; give at most 128"
    )
    assert list_tree(tmp_path) == []


def test_standard_input_is_not_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--model", str(tiny_model), "--input", "-", "--output", f"{tmp_path}/out"]
    status, record, _ = rehearse(capsys, *flags)
    assert (status, record["plan"]["input"]) == (0, None)
    monkeypatch.setattr("sys.stdin", None)
    assert rehearse(capsys, *flags)[2] == [
        "--input - reads standard input, which is closed; pipe the content into this command"
    ]


def test_not_enough_room(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    flags = ["--model", str(tiny_model), "--input", str(CORPUS), "--output", f"{tmp_path}/out"]
    status, _, (problem,) = rehearse(capsys, *flags)
    assert status == 2
    assert problem.startswith(f"--output {tmp_path}/out has 1,000 bytes of free space, and the rows take about ")
