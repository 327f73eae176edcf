"""Runs that go on from what another has left: after too many failures, after a full disk, or with something changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.publication import commit_run
from tests.pipeline.embed_command import embed_command
from tests.tiny_model import CORPUS, ROOT

pytestmark = pytest.mark.integration


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """300 texts, and one that is none."""
    path = tmp_path / "in.txt"
    path.write_bytes(CORPUS.read_bytes() + b"\xff\n")
    return path


def embed(model: Path, source: Path, output: Path, *more: str) -> int:
    return main(embed_command(model, source, output, *more))


def reused_rows(output: Path) -> int:
    return int(read_manifest(str(output)).measured.counters.get("reused_rows", 0))


def test_what_was_embedded_before_too_many_failures_is_used(
    tiny_model: Path, source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "out"
    assert embed(tiny_model, source, output, "--max-failures", "0") == 3
    staged = {path.name: path.stat().st_ino for path in output.glob("_staging/*/embeddings-*")}
    caplog.clear()
    assert embed(tiny_model, source, output, "--max-failures", "1", "--batch-tokens", "500") == 0
    assert "300 rows in 1 shards of a run that was cut off are used again" in caplog.messages
    manifest = read_manifest(str(output))
    counters = manifest.measured.counters
    assert counters["reused_rows"] == 300 and counters.get("rows", 0) == 0
    assert (manifest.counts.rows, manifest.counts.failures) == (300, 1)
    assert manifest.measured.useful_tokens_per_second == 0
    (shard,) = output.glob("tfrecord/*")
    assert [shard.stat().st_ino] == list(staged.values())  # the very file
    assert main(["inspect", str(output)]) == 0


@pytest.mark.parametrize(
    ("more", "difference"),
    [
        (["--embeddings", "mean"], "embeddings"),
        (["--encoding", "float32_bytes"], "encoding"),
        (["--sink", "parquet"], "sinks"),
        (["--max-tokens", "50"], "max_tokens, transform"),
        (["input"], "input"),
    ],
)
def test_with_something_changed_all_is_embedded_again(
    tiny_model: Path, source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, more: list[str], difference: str
) -> None:
    output = tmp_path / "out"
    assert embed(tiny_model, source, output, "--max-failures", "0") == 3
    if more == ["input"]:
        source.write_bytes(b"another line\n" + source.read_bytes())
        more = []
    caplog.clear()
    assert embed(tiny_model, source, output, *more) == 0
    message = f"1 shards of a run that was cut off are embedded again, because these have changed: {difference}"
    assert message in caplog.messages
    assert reused_rows(output) == 0
    assert read_manifest(str(output)).counts.rows == sum(batch.num_rows for batch in read_embeddings(str(output)))


def test_another_model_of_the_same_name_is_another_model(
    tiny_model: Path, source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.tiny_model import write_model

    model = tmp_path / "model"
    model.symlink_to(tiny_model)
    assert embed(model, source, tmp_path / "out", "--max-failures", "0") == 3
    model.unlink()
    write_model(model, seed=1)
    caplog.clear()
    assert embed(model, source, tmp_path / "out") == 0
    assert any(message.endswith("because these have changed: model") for message in caplog.messages)


def test_documents_that_the_corpus_repeats_are_there_as_often_as_before(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a killed run had finished one of three equal rows."""
    source, output = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("once\n" + "again\n" * 3 + "bad\n")
    with monkeypatch.context() as patch:
        patch.setattr("albert_embed.pipeline.publication.commit_run.plan_run", lambda *_, **__: sys.exit(9))
        assert embed(tiny_model, source, output, "--shard-bytes", "1", "--batch-tokens", "128") == 4
    shards = sorted(output.glob("_staging/*/index-*"))
    assert len(shards) >= 1
    assert embed(tiny_model, source, output, "--sink", "tfrecord") == 0
    ids = [name for batch in read_embeddings(str(output)) for name in batch.column("id").to_pylist()]
    assert len(ids) == 5 and len(set(ids)) == 3
    assert reused_rows(output) == 5


def test_a_corpus_of_the_same_files(tiny_model: Path, tmp_path: Path) -> None:
    """Two workers write shards of the very same rows."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("one\ntwo\n")
    workers = ["--direct_running_mode", "multi_threading", "--direct_num_workers", "2", "--shard-bytes", "1"]
    assert embed(tiny_model, tmp_path / "*.txt", tmp_path / "out", *workers) == 0
    manifest = read_manifest(str(tmp_path / "out"))
    assert manifest.counts.rows == 4 and len({shard.path for shard in manifest.shards}) == len(manifest.shards)
    ids = [name for batch in read_embeddings(str(tmp_path / "out")) for name in batch.column("id").to_pylist()]
    assert len(ids) == 4 and len(set(ids)) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB, where making one is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("sink", ["tfrecord", "parquet"])
def test_a_full_disk_leaves_the_version_before(tiny_model: Path, source: Path, small_disk: Path, sink: str) -> None:
    output = small_disk / "out"
    first = source.parent / "first.txt"
    first.write_text("one text\nanother\n")
    assert embed(tiny_model, first, output) == 0
    arguments = ["--model", str(tiny_model), "--input", str(source), "--output", str(output), "--overwrite"]
    arguments += ["--embeddings", "sequence", "--encoding", "float_list", "--sink", sink, "--shard-bytes", "1000000"]
    source.write_bytes(source.read_bytes() * 5)
    run = [sys.executable, "-m", "albert_embed", "embed", *arguments]
    failed = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, env={**os.environ})
    assert failed.returncode == 4, failed.stderr
    last = failed.stderr.strip().splitlines()[-1]
    (folder,) = (output / "_staging").iterdir()
    assert last == (
        f"albert-embed embed failed: RunFailedError: can't write to {folder}: No space left on device; "
        "nothing was published, and an earlier output is as it was. Make room there, or remove the cause, and run the "
        "same command again"
    )
    assert "Exception ignored" not in failed.stderr
    assert read_manifest(str(output)).counts.rows == 2
    assert sum(batch.num_rows for batch in read_embeddings(str(output))) == 2
    # With room made, the same command goes on from the shards that were finished.
    subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
    again = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert read_manifest(str(output)).counts.rows == 1500 and reused_rows(output) > 0


@pytest.mark.parametrize("command", ["embed", "publish"])
def test_a_run_that_ended_between_its_moves_and_its_version_loses_nothing(
    tiny_model: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    output = tmp_path / "out"

    def die(*_: object) -> None:
        raise KeyError("publish_plan")

    with monkeypatch.context() as patched:
        patched.setattr(commit_run, "publish_plan", die)
        assert embed(tiny_model, source, output) == 4
    (shard,) = output.glob("tfrecord/*")
    moved = shard.stat().st_ino
    assert (embed(tiny_model, source, output) if command == "embed" else main(["publish", str(output)])) == 0
    (shard,) = output.glob("tfrecord/*")
    assert shard.stat().st_ino == moved  # the very file
    assert reused_rows(output) == (300 if command == "embed" else 0)
    assert main(["inspect", str(output)]) == 0 and not (output / "_staging").exists()
