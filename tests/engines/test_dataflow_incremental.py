"""Incremental runs on the stand-in for Dataflow: each job publishes itself, also when nobody waits for it."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystems import FileSystems

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.engines.dataflow import Dataflow
from tests.pipeline.reference import Reference
from tests.tiny_model import CORPUS, ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.integration
TEXTS = {f"d{number:02}": text for number, text in enumerate(CORPUS.read_text(encoding="utf-8").splitlines()[:30])}
MAX_TOKENS = 32


@pytest.fixture
def source(bucket: str) -> str:
    """The corpus in the bucket."""
    write_corpus(f"{bucket}/in.jsonl", TEXTS)
    return f"{bucket}/in.jsonl"


def write_corpus(path: str, texts: Mapping[str, str]) -> None:
    with FileSystems.create(path) as file:
        file.write("".join(json.dumps({"id": id_, "text": text}) + "\n" for id_, text in texts.items()).encode())


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Returns the exit status of the command, and its line of JSON."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = main([*arguments, "--json"])
    record: dict[str, Any] = json.loads(printed.getvalue())
    return status, record


def changes_of(output: str) -> dict[str, int]:
    """Returns what the latest run has found, but for what it has found none of."""
    changes = read_manifest(output).to_dict()["changes"]
    return {name: count for name, count in changes.items() if count}


def assert_holds(output: str, texts: Mapping[str, str], reference: Reference) -> None:
    """Asserts that the output has one row of each text, with what the model gives for it alone."""
    rows = {row["id"].decode(): row for batch in read_embeddings(output) for row in batch.to_pylist()}
    assert sorted(rows) == sorted(texts) and read_manifest(output).counts.rows == len(texts)
    for id_, row in rows.items():
        reference.assert_row(row, reference.frame(texts[id_], MAX_TOKENS))


@pytest.fixture
def command(remote_model: str, source: str, bucket: str) -> list[str]:
    """The command but for the flags of the service."""
    flags = ["--model", remote_model, "--input", source, "--output", f"{bucket}/out", "--incremental"]
    return ["embed", *flags, "--max-tokens", str(MAX_TOKENS)]


def test_runs_that_nobody_waits_for(
    repeating_dataflow: Dataflow, command: list[str], source: str, bucket: str, tiny_model: Path
) -> None:
    output, reference = f"{bucket}/out", Reference(tiny_model)

    def start(name: str, *more: str) -> tuple[int, dict[str, Any]]:
        return run(*command, *repeating_dataflow.flags(bucket, name=name), *more)

    status, record = start("first", "--no-wait")
    assert (status, record["status"], record["job"]) == (0, "submitted", "job-0")
    status, record = start("too-early")
    assert status == 2 and f"{output} is being written by another run (the job job-0 on" in record["error"]
    repeating_dataflow.release()
    job = repeating_dataflow.wait_for_job(0)
    assert job.wait_until_ended() == "JOB_STATE_DONE", job.log
    assert_holds(output, TEXTS, reference)

    texts = {**TEXTS, "d03": "This one has changed.", "new": "And this one is new."}
    for gone in ("d07", "d08"):
        del texts[gone]
    write_corpus(source, texts)
    status, record = start("second", "--no-wait")
    assert (status, record["status"], record["job"]) == (0, "submitted", "job-1")
    job = repeating_dataflow.wait_for_job(1)
    assert job.wait_until_ended() == "JOB_STATE_DONE", job.log
    assert changes_of(output) == {"read": 29, "new": 1, "changed": 1, "unchanged": 27}
    kept = {id_: TEXTS[id_] for id_ in ("d07", "d08")}
    assert_holds(output, {**texts, **kept}, reference)

    status, record = start("third", "--full-snapshot")
    assert (status, record["status"]) == (0, "published")
    assert changes_of(output) == {"read": 29, "unchanged": 29, "deleted": 2}
    assert_holds(output, texts, reference)
    files = {file.path for file in FileSystems.match([f"{output}/**"])[0].metadata_list}
    status, record = start("fourth", "--full-snapshot")
    assert (status, record["status"]) == (0, "unchanged")
    assert {file.path for file in FileSystems.match([f"{output}/**"])[0].metadata_list} == files
    assert read_manifest(output).generation == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
def test_a_run_after_one_whose_driver_has_gone(
    number: signal.Signals,
    repeating_dataflow: Dataflow,
    command: list[str],
    source: str,
    bucket: str,
    tiny_model: Path,
) -> None:
    output, reference = f"{bucket}/out", Reference(tiny_model)
    repeating_dataflow.release()
    assert main([*command, *repeating_dataflow.flags(bucket, name="first")]) == 0
    repeating_dataflow.hold()
    texts = {**TEXTS, "d03": "This one has changed.", "new": "And this one is new."}
    write_corpus(source, texts)
    driver = subprocess.Popen(
        [sys.executable, "-m", "albert_embed", *command, *repeating_dataflow.flags(bucket, name="second")],
        env=dict(repeating_dataflow.environment),
        cwd=ROOT,
    )
    try:
        job = repeating_dataflow.wait_for_job(1)
        wait_until(lambda: b'"job-1"' in FileSystems.open(f"{output}/_claim.json").read())
    finally:
        driver.send_signal(number)
        driver.wait()
    assert read_manifest(output).generation == 1
    repeating_dataflow.release()
    assert job.wait_until_ended() == "JOB_STATE_DONE", job.log
    assert changes_of(output) == {"read": 31, "new": 1, "changed": 1, "unchanged": 29}
    assert_holds(output, texts, reference)
    del texts["d05"]
    write_corpus(source, texts)
    status, record = run(*command, *repeating_dataflow.flags(bucket, name="third"), "--full-snapshot")
    assert (status, record["status"]) == (0, "published"), record
    assert changes_of(output) == {"read": 30, "unchanged": 30, "deleted": 1}
    assert_holds(output, texts, reference)
