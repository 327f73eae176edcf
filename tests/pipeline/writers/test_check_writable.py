"""Whether an output can be written is found out without leaving anything there; messages name it as it was named."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.writers.check_writable import check_file_writable, check_writable, find_existing


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_a_file_system_that_takes_nothing_is_refused_whatever_its_rights_say() -> None:
    with pytest.raises(OutputError) as error:
        check_writable("/proc/nowhere/out")
    assert str(error.value).startswith("--output /proc/nowhere/out can't be written: nothing can be made in /proc (")


@pytest.mark.parametrize("blocks", [0, 1000])
def test_a_file_system_without_a_size_may_take_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_blocks=blocks))
    check_writable(f"{tmp_path}/deep/out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(OutputError, match=rf"^--output {tmp_path}/file/out can't be made: {tmp_path}/file is no"):
        check_writable(f"{tmp_path}/file/out")


def test_of_a_relative_path_the_working_folder_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_existing("deep/out") == "."


def test_what_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_writable(str(tmp_path / "new" / "folder"))
    check_file_writable(str(tmp_path / "file"), named="--output")
    check_file_writable(str(tmp_path / "new" / "file"), named="--output")
    check_file_writable("gs://bucket/file", named="--output")
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_in_the_place_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = f"^--cache {tmp_path}/file can't be made: {tmp_path}/file is no folder; give another --cache$"
    with pytest.raises(OutputError, match=message):
        check_writable(str(tmp_path / "file"), named="--cache")


def test_a_directory_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    why = f"{tmp_path}/new can't be written: there is no right to write in {tmp_path}; give"
    with pytest.raises(OutputError, match=f"^DIR {why} another DIR, or run as a user who may write there$"):
        check_writable(str(tmp_path / "new"), named="DIR")
    with pytest.raises(OutputError, match=f"^--output {why} a file in a folder of yours$"):
        check_file_writable(str(tmp_path / "new"), named="--output")
