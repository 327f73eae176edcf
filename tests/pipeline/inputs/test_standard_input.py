"""`--input -`: what is piped into the command."""

from __future__ import annotations

import gzip
import io
import json
import types
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.embed.resolve_input import list_input_files
from albert_embed.pipeline.inputs.standard_input import spool_standard_input
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from tests.pipeline.embed_command import embed_command

LOCAL = PipelineOptions([])


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(content)))


def make_options(**given: Any) -> EmbedOptions:
    return EmbedOptions(model="m", output="o", **{"input": ("-",), **given})


@pytest.mark.parametrize(
    ("content", "given", "format_", "name"),
    [
        (b'{"text": "x"}\n', None, "jsonl", "standard-input"),
        (b"x\n", None, "text", "standard-input"),
        (b"text\nx\n", "csv", "csv", "standard-input"),
        (gzip.compress(b'[{"text": "x"}]', mtime=0), None, "json", "standard-input.gz"),
        (b"x\n" * 2_000_000, None, "text", "standard-input"),
    ],
)
def test_it_is_a_file_as_long_as_it_is_read(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, given: str | None, format_: str, name: str
) -> None:
    pipe(monkeypatch, content)
    options = make_options(format=given)
    with spool_standard_input(options, LOCAL) as file:
        assert file is not None and (file.name, file.bytes) == (name, len(content))
        assert Path(file.path).read_bytes() == content
        found = list_input_files(options, file)
        assert (found.format, found.fingerprint) == (format_, None)
        (left,) = temporary.iterdir()
    assert not left.exists()


def test_it_is_removed_after_an_error(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "x".encode("utf-16"))
    with pytest.raises(ValueError, match="its text is UTF-16"), spool_standard_input(make_options(), LOCAL) as file:
        list_input_files(make_options(), file)
    assert list(temporary.iterdir()) == []


def test_nothing_is_read_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with spool_standard_input(make_options(input=("a.txt",)), LOCAL) as file:
        assert file is None
    with (
        pytest.raises(ValueError, match="standard input, which is closed; pipe"),
        spool_standard_input(make_options(), LOCAL),
    ):
        pass


def test_nothing_at_all_is_an_error(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"")
    with (
        pytest.raises(ValueError, match=r"^--input - reads standard input, which is empty; has the command before it"),
        spool_standard_input(make_options(), LOCAL),
    ):
        pass
    assert list(temporary.iterdir()) == []


def test_what_it_cannot_be_read_with() -> None:
    with pytest.raises(
        ValueError, match=r"^--input - can't be read with --incremental, .*; copy the content to a file"
    ):
        make_options(incremental=True)
    with pytest.raises(ValueError, match=r"^--input - reads standard input, .*; give it alone$"):
        make_options(input=("a.txt", "-"))


def test_from_the_command_line(
    tiny_model: Path, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    pipe(monkeypatch, b'{"text": "one", "id": 1}\n{"text": "two", "id": 2}\n')
    output = str(tmp_path / "out")
    assert main(embed_command(tiny_model, "-", output, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["documents"] == 2
    rows = [row for batch in read_embeddings(output) for row in batch.to_pylist()]
    assert sorted(row["id"] for row in rows) == [b"1", b"2"]
    assert list(temporary.glob("albert-embed-*")) == []


def test_it_is_analyzed(
    tiny_model: Path, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    pipe(monkeypatch, b"one\ntwo\nthree\n")
    output = tmp_path / "out"
    assert main(["analyze", "--model", str(tiny_model), "--input", "-", "--output", str(output), "--json"]) == 0
    analysis = json.loads((output / "analysis.json").read_text())
    assert (analysis["corpus"]["patterns"], analysis["corpus"]["format"]) == (["-"], "text")
    assert list(temporary.glob("albert-embed-*")) == []


def test_workers_that_are_elsewhere_can_not_read_it(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    pipe(monkeypatch, b"one\n")
    elsewhere = PipelineOptions(["--runner", "PortableRunner", "--job_endpoint", "localhost:1"])
    with (
        pytest.raises(
            ValueError, match=r"^--input - is copied to a file of this machine, which workers elsewhere can't"
        ),
        spool_standard_input(make_options(), elsewhere),
    ):
        pass
    assert list(temporary.iterdir()) == []
