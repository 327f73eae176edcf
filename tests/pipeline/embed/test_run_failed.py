"""What fails after a run has started is a failed run, exit status 4, and not a wrong command."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.embed.run_failed import RunFailedError, fail_as_run


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

    monkeypatch.setattr(OutputDirectory, "publish", publish)
    arguments = ["--model", str(tiny_model), "--input", str(tmp_path / "in.txt"), "--output", str(tmp_path / "out")]
    assert main(["embed", *arguments, "--json"]) == 4
    record = json.loads(capsys.readouterr().out)
    assert record["status"] == "failed" and "No space left on device: 'manifest.json'" in record["error"]
    assert main(["embed", *arguments, "--max-tokens", "0"]) == 2  # refused before the run


@pytest.mark.parametrize("name", ["out[1]", "what?", "a*b"])
def test_an_output_that_could_not_be_published_is_refused_at_once(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Beam's sinks take such a path for a pattern, and would find none of their files at the end of the run."""
    source = tmp_path / "in[1].txt"
    source.write_text("one text\n")
    arguments = ["--model", str(tiny_model), "--input", str(source), "--output", str(tmp_path / name)]
    for command in ("embed", "analyze"):
        assert main([command, *arguments]) == 2
        assert f"--output is {tmp_path / name}, whose " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]
