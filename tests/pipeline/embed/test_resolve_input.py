"""What a run reads, resolved before it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.embed.resolve_input import list_input_files
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from tests.pipeline.embed_command import embed_command


def embed(model: Path, source: str, output: Path, *more: str) -> int:
    return main(embed_command(model, source, output, *more))


@pytest.mark.integration
def test_outputs_below_the_input(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("one\n")
    everything = f"{tmp_path}/in/**"
    assert embed(tiny_model, everything, tmp_path / "in/out") == 0
    assert embed(tiny_model, everything, tmp_path / "in/out", "--overwrite") == 0  # its own output is no input
    assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path / "in/out"))) == 1
    capsys.readouterr()
    assert embed(tiny_model, everything, tmp_path / "other") == 2
    assert f"--input looks into {tmp_path}/in/out, which is an output of this program" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.integration
def test_the_files_of_an_output_are_no_input_by_themselves(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is seen of the manifest then, and a kept text would be embedded once more for each version."""
    (tmp_path / "a.txt").write_bytes(b"one\n\xff\n")
    output = tmp_path / "out"
    kept = ("--keep-fields", "text", "--sink", "parquet,tfrecord", "--embeddings", "pooled,document")
    assert embed(tiny_model, str(tmp_path / "a.txt"), output, *kept) == 0
    (rows,) = output.glob("parquet/*.parquet")
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(rows, copy)  # which is a file like any other
    assert embed(tiny_model, str(copy), tmp_path / "other", "--overwrite") == 0
    for pattern in (
        "parquet",
        "tfrecord/*.tfrecord",
        f"parquet/{rows.name}",
        "documents/parquet/*",
        "_failures/*.jsonl",
    ):
        capsys.readouterr()
        assert embed(tiny_model, f"{output}/{pattern}", tmp_path / "other", "--overwrite") == 2
        assert f"--input looks into {output}, which is an output of this program" in capsys.readouterr().err


@pytest.mark.integration
def test_an_analysis_below_the_input(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its failures are JSON lines with texts, which another run would embed."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_text('{"text": "one"}\n{"text": "\\ud800"}\n')
    analyze = [
        "analyze",
        "--model",
        str(tiny_model),
        "--input",
        f"{tmp_path}/in",
        "--output",
        f"{tmp_path}/in/analysis",
    ]
    assert main(analyze) == 0
    assert main([*analyze, "--overwrite"]) == 0  # its own output is no input
    capsys.readouterr()
    for pattern in (f"{tmp_path}/in", f"{tmp_path}/in/**/*.jsonl"):
        assert embed(tiny_model, pattern, tmp_path / "out") == 2
        said = capsys.readouterr().err
        assert f"--input looks into {tmp_path}/in/analysis, which is an output of this program" in said
    (tmp_path / "in/b").mkdir()
    (tmp_path / "in/b/transform.json").write_text('{"text": "a file of something else"}')
    assert embed(tiny_model, f"{tmp_path}/in/b", tmp_path / "out") == 0


def test_a_file_that_several_patterns_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("one\n")
    patterns = (f"{tmp_path}/*.txt", f"{tmp_path}/a.txt", str(tmp_path))
    caplog.set_level("INFO")
    options = EmbedOptions(model="m", input=patterns, output="o")
    assert [file.name for file in list_input_files(options).files] == ["a.txt"] * 3 + ["b.txt"] * 2
    assert caplog.messages == ["2 files are named by several patterns of --input, and are read for each of these"]
    caplog.clear()
    options = EmbedOptions(model="m", input=patterns, output="o", incremental=True)
    assert [file.name for file in list_input_files(options).files] == ["a.txt", "b.txt"]
    assert caplog.messages == ["2 files are named by several patterns of --input, and are read once"]


def test_an_input_without_content_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).touch()
    options = EmbedOptions(model="m", input=(str(tmp_path),), output="o")
    assert len(list_input_files(options).files) == 2
    assert caplog.messages == ["all files that --input names are empty (2)"]
    caplog.clear()
    (tmp_path / "b.txt").write_text("one")
    assert len(list_input_files(options).files) == 2 and caplog.messages == []


def test_hidden_names_are_counted_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.txt", "_drafts/b.txt", "_drafts/c.txt", ".d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one\n")
    caplog.set_level("INFO")
    assert len(list_input_files(EmbedOptions(model="m", input=(str(tmp_path),), output="o")).files) == 1
    assert caplog.messages == [
        "1 files and 1 folders whose names start with . or _ were left out; --include-hidden takes them"
    ]


@pytest.mark.integration
def test_names_that_are_not_utf8(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    (tmp_path / name).write_bytes(b"one\n\xff\n")
    monkeypatch.chdir(tmp_path)
    assert embed(tiny_model, name, tmp_path / "out") == 0
    (failure,) = read_failures(str(tmp_path / "out"))
    assert failure["error"].startswith(f"{tmp_path}/caf\\xe9.txt, byte 4: text is not UTF-8")
    assert embed(tiny_model, "*.txt", tmp_path / "files", "--format", "files") == 0
    (failure,) = read_failures(str(tmp_path / "files"))
    assert failure["reason"] == "invalid UTF-8"
    (tmp_path / name).write_bytes(b"one\n")
    assert embed(tiny_model, "*.txt", tmp_path / "files", "--format", "files", "--overwrite") == 0
    assert [batch.column("id").to_pylist() for batch in read_embeddings(str(tmp_path / "files"))] == [[b"caf\xe9.txt"]]
