"""Inputs, models and outputs in a bucket, against the emulator."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystems import FileSystems

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.layout import CLAIM_FILE
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.storage.output_error import OutputError
from tests.emulators.fixtures import command_environment
from tests.emulators.servers import Emulators
from tests.tiny_model import CORPUS, ROOT
from tests.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("cache_folder")]
LINES = CORPUS.read_bytes().splitlines()[:20]


def write(path: str, content: bytes) -> None:
    with FileSystems.create(path) as file:  # compressed where the name says so
        file.write(content)


def list_files(directory: str) -> list[str]:
    found = FileSystems.match([f"{directory}/**"])[0].metadata_list
    return sorted(file.path.removeprefix(f"{directory}/") for file in found)


@pytest.fixture
def corpus(bucket: str) -> str:
    """Two files, one compressed, with one line that is no text."""
    write(f"{bucket}/corpus/a.txt", b"\n".join(LINES[:10]) + b"\n\xff\n")
    write(f"{bucket}/corpus/b.txt.gz", b"\n".join(LINES[10:]) + b"\n")
    return f"{bucket}/corpus/*.txt*"


@pytest.fixture
def remote_model_path(bucket: str, tiny_model: Path) -> str:
    for file in tiny_model.rglob("*"):
        if file.is_file():
            write(f"{bucket}/model/{file.relative_to(tiny_model).as_posix()}", file.read_bytes())
    return f"{bucket}/model"


def command(model: str, corpus: str, output: str, *more: str) -> list[str]:
    return ["embed", "--model", model, "--input", corpus, "--output", output, *more]


def test_bucket_to_bucket(bucket: str, remote_model_path: str, corpus: str, tiny_model: Path, tmp_path: Path) -> None:
    output = f"{bucket}/out"
    assert main(command(remote_model_path, corpus, output)) == 0
    names = list_files(output)
    assert not [name for name in names if name.startswith(("_staging", "_claim"))], "staging or claim left behind"
    assert "manifest.json" in names
    assert read_manifest(output).counts.rows == 20
    (failure,) = read_failures(output)
    assert (failure["reason"], failure["error"][: len(bucket)]) == ("invalid UTF-8", bucket)
    assert inspect_output(output).counts == read_manifest(output).counts

    (tmp_path / "a.txt").write_bytes(b"\n".join(LINES) + b"\n")
    assert main(command(str(tiny_model), str(tmp_path / "a.txt"), str(tmp_path / "out"))) == 0
    there, here = (
        {row["id"]: row["pooled_output"] for batch in read_embeddings(where) for row in batch.to_pylist()}
        for where in (output, str(tmp_path / "out"))
    )
    assert there.keys() == here.keys()
    for id_, vector in here.items():
        np.testing.assert_allclose(there[id_], vector, atol=1e-5)


def test_records_in_a_bucket(bucket: str, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [line.decode() for line in LINES[:5]]
    table = pa.table({"id": [f"d{number}" for number in range(5)], "text": texts, "score": [0.5 * n for n in range(5)]})
    with FileSystems.create(f"{bucket}/a.parquet", compression_type="uncompressed") as file:
        pq.write_table(table, file)
    more = ("--keep-fields", "score", "--sink", "parquet")
    assert main(command(str(tiny_model), f"{bucket}/*.parquet", f"{bucket}/out", *more)) == 0
    rows = [row for batch in read_embeddings(f"{bucket}/out") for row in batch.to_pylist()]
    assert sorted((row["id"], row["score"]) for row in rows) == [(b"d%d" % n, 0.5 * n) for n in range(5)]
    capsys.readouterr()
    assert main(command(str(tiny_model), f"{bucket}/out/parquet/*.parquet", f"{bucket}/other")) == 2
    assert f"--input looks into {bucket}/out, which is an output of this program" in capsys.readouterr().err


def test_overwriting_in_a_bucket(
    bucket: str, tiny_model: Path, corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = f"{bucket}/out"
    write(f"{bucket}/one.txt", b"one\n")
    assert main(command(str(tiny_model), corpus, output)) == 0
    assert main(command(str(tiny_model), f"{bucket}/one.txt", output)) == 2
    assert "holds a finished output" in capsys.readouterr().err
    assert main(command(str(tiny_model), f"{bucket}/one.txt", output, "--overwrite")) == 0
    manifest = read_manifest(output)
    assert (manifest.generation, manifest.counts.rows) == (2, 1)
    data = [name for name in list_files(output) if name.startswith("tfrecord/")]
    assert sorted(file.path for file in manifest.shards) == data


def test_a_damaged_output_in_a_bucket(bucket: str, tiny_model: Path, corpus: str) -> None:
    output = f"{bucket}/out"
    assert main(command(str(tiny_model), corpus, output)) == 0
    (name, *_) = [name for name in list_files(output) if name.startswith("tfrecord/")]
    with FileSystems.open(f"{output}/{name}") as file:
        content = file.read()
    write(f"{output}/{name}", content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(OutputError, match=r"the record's content is damaged: its CRC-32C does not match"):
        list(read_embeddings(output))
    FileSystems.delete([f"{output}/{name}"])
    with pytest.raises(OutputError, match=rf"{name} is missing; the output was damaged"):
        list(read_embeddings(output))


def test_a_killed_run_in_a_bucket(
    bucket: str, tiny_model: Path, corpus: str, emulators: Emulators, capsys: pytest.CaptureFixture[str]
) -> None:
    output = f"{bucket}/out"
    write(f"{bucket}/many.txt", b"".join(b"%d %s\n" % (number, LINES[number % 20]) for number in range(4000)))
    arguments = command(str(tiny_model), f"{bucket}/many.txt", output)
    process = subprocess.Popen(
        [sys.executable, "-m", "albert_embed", *arguments],
        cwd=ROOT,
        env=command_environment(emulators),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: any(name.endswith("transform.json") for name in list_files(output)), process=process)
    finally:
        process.kill()
        process.wait()
    with FileSystems.open(f"{output}/{CLAIM_FILE}") as file:
        lock = json.loads(file.read())
    # For two minutes nobody can know that the run is dead; the next one may start as late as the machine has time.
    write(f"{output}/{CLAIM_FILE}", json.dumps({**lock, "renewed": time.time() + 3600}).encode())
    assert main(arguments) == 2
    assert "is being written by another run" in capsys.readouterr().err
    write(f"{output}/{CLAIM_FILE}", json.dumps({**lock, "renewed": lock["renewed"] - 3600}).encode())
    assert main(arguments) == 0
    assert read_manifest(output).counts.rows == 4000
    assert not [name for name in list_files(output) if name.startswith(("_staging", "_claim"))]
