"""What fails after a run has started is a failed run, exit status 4, and not a wrong command."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.publication.run_errors import RunFailedError, fail_as_run
from tests.pipeline.embed_command import list_rows


@pytest.mark.parametrize("error", [ValueError("a value"), FileNotFoundError(2, "gone", "file"), OSError("disk")])
def test_errors_of_a_run_are_kept_as_its_cause(error: Exception) -> None:
    with (
        pytest.raises(RunFailedError, match="after the run had started; nothing was published") as caught,
        fail_as_run(),
    ):
        raise error
    assert caught.value.__cause__ is error and str(error) in str(caught.value)


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), fail_as_run():
        raise KeyError("a bug")


def test_a_disk_that_is_full_when_the_output_is_published(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.txt").write_text("one text\n")

    def publish(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "manifest.json")

    monkeypatch.setattr("albert_embed.pipeline.publication.commit_run.publish_plan", publish)
    arguments = ["--model", str(tiny_model), "--input", str(tmp_path / "in.txt"), "--output", str(tmp_path / "out")]
    assert main(["embed", *arguments, "--json"]) == 4
    record = json.loads(capsys.readouterr().out)
    assert record["status"] == "failed" and "No space left on device: 'manifest.json'" in record["error"]
    assert main(["embed", *arguments, "--max-tokens", "0"]) == 2  # refused before the run


@pytest.mark.parametrize("name", ["out[1]", "what?", "a*b"])
def test_an_output_is_its_literal_name(tiny_model: Path, tmp_path: Path, name: str) -> None:
    source, output = tmp_path / "in[1].txt", tmp_path / name
    source.write_bytes(b"one text\n\xff\n")
    (tmp_path / "out1").mkdir()
    arguments = ["--model", str(tiny_model), "--input", str(source), "--output", str(output)]
    for more in ([], ["--overwrite"], ["--incremental", "--rebuild"]):
        assert main(["embed", *arguments, *more]) == 0
        assert [row["id"] for row in list_rows(output)] != []
        assert len(list(read_failures(str(output)))) == 1
    assert read_manifest(str(output)).generation == 3
    assert main(["embed", *arguments, "--incremental", "--full-snapshot"]) == 0
    assert main(["inspect", str(output)]) == 0
    assert main(["analyze", "--model", str(tiny_model), "--input", str(source), "--output", f"{output}-analysis"]) == 0
    assert sorted(tmp_path.iterdir()) == sorted([source, output, tmp_path / "out1", tmp_path / f"{name}-analysis"])
