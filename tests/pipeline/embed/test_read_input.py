"""What a run reads, resolved before it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.read_embeddings import read_failures


def embed(model: Path, source: str, output: Path, *more: str) -> int:
    return main(["embed", "--model", str(model), "--input", source, "--output", str(output), *more])


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
