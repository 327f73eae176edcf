"""An output that appears whole or not at all, and what is left of one whose process was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from albert_embed.model.directory.model_directory import ModelDirectoryError, open_model_directory
from albert_embed.model.directory.staged_output import UNFINISHED_FILE, stage_output

# Writes a whole export without a proof, says so, and waits to be killed.
_DYING_EXPORT = """
import sys, time
from pathlib import Path
from albert_embed.model.directory.staged_output import stage_output
with stage_output(Path(sys.argv[1])) as staged:
    (staged / "saved_model.pb").write_bytes(b"graph")
    print(staged, flush=True)
    time.sleep(600)
"""


def start_export(output: Path) -> tuple[subprocess.Popen[str], Path]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", _DYING_EXPORT, str(output)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_the_output_appears_at_the_end(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "out"
    with stage_output(output) as staged:
        (staged / "file").write_text("content")
        assert not output.exists() and staged.parent == output.parent
    assert os.listdir(output.parent) == ["out"] and os.listdir(output) == ["file"]
    assert output.stat().st_mode & 0o777 == 0o755


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), stage_output(tmp_path / "out"):
        raise KeyError
    assert os.listdir(tmp_path) == []


def test_the_current_directory_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(FileExistsError, match=r"^[.] is the current directory; give the name of a new directory$"),
        stage_output(Path()),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_what_was_put_there_meanwhile_stays(tmp_path: Path) -> None:
    output = tmp_path / "out"
    with pytest.raises(FileExistsError, match="already exists and holds something"), stage_output(output):
        output.mkdir()
        (output / "mine").write_text("keep")
    assert os.listdir(tmp_path) == ["out"] and (output / "mine").read_text() == "keep"


def test_what_a_killed_export_leaves_is_no_model_and_is_removed_by_the_next(tmp_path: Path) -> None:
    process, left = start_export(tmp_path / "out")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "out").exists() and (left / "saved_model.pb").exists()
    with pytest.raises(
        ModelDirectoryError,
        match=rf"^{left} is left of an export that was stopped before its proof; remove it and export again$",
    ):
        open_model_directory(left)
    with stage_output(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path) == ["out"]


def test_an_export_that_still_runs_is_left_alone(tmp_path: Path) -> None:
    process, other = start_export(tmp_path / "out")
    try:
        with stage_output(tmp_path / "out"):
            assert (other / UNFINISHED_FILE).exists() and (other / "saved_model.pb").exists()
    finally:
        process.kill()
        process.communicate()
