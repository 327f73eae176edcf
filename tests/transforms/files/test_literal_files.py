"""Files by their literal names: what they are called makes no difference, and doing it again changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from albert_embed.transforms.files.create_file import create_file
from albert_embed.transforms.files.directories import read_file
from albert_embed.transforms.files.literal_files import (
    copy_directory,
    delete_directory,
    delete_files,
    list_directory,
    list_files,
    move_files,
)

NAMES = ["a", "b[1]", "c*", "d?/e", "f g/[h]/i", ".hidden", "\u00fc", "{j}", "k\\l"]


@pytest.fixture(params=["plain", "[1]", "a*b?"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with files of all kinds of names, beside others that patterns would find."""
    for decoy in ("1", "axb1"):
        (tmp_path / decoy).mkdir()
        (tmp_path / decoy / "a").write_text("not this one")
    directory = tmp_path / str(request.param)
    for name in NAMES:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(name)
    return directory


def test_what_is_there_is_listed(folder: Path) -> None:
    found = list_files(str(folder))
    assert [file.name for file in found] == sorted(NAMES) == list_directory(f"{folder}/")
    assert [file.bytes for file in found] == [len(file.name.encode()) for file in found]
    assert list_files(f"{folder}/nothing") == list_files(f"{folder}/a") == []


def test_files_are_moved_and_deleted_once(folder: Path) -> None:
    pairs = [(str(folder / name), str(folder / "to" / name)) for name in NAMES]
    move_files(pairs[:3])
    move_files(pairs)
    move_files(pairs)
    assert list_directory(str(folder)) == sorted(f"to/{name}" for name in NAMES)
    assert (folder / "to" / "b[1]").read_text() == "b[1]"
    with pytest.raises(FileNotFoundError):
        move_files([(str(folder / "none"), str(folder / "neither"))])
    delete_files([str(folder / "to" / "b[1]"), str(folder / "to" / "none")])
    assert "to/b[1]" not in list_directory(str(folder)) and "to/c*" in list_directory(str(folder))
    copy_directory(str(folder / "to"), str(folder / "copy"))
    delete_directory(str(folder / "to"))
    delete_directory(str(folder / "to"))
    assert list_directory(str(folder)) == sorted(f"copy/{name}" for name in NAMES if name != "b[1]")
    assert (folder.parent / "1" / "a").exists()


def _create(path: str) -> bool:
    return create_file(path, b"x" * 100_000)


def test_of_many_that_create_a_file_one_can(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "[1].json")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(_create, [path] * 32)) == 1
    assert read_file(path) == b"x" * 100_000
    assert list_directory(str(tmp_path)) == ["deep/[1].json"]


def test_a_copy_that_fails_says_why_of_one_file_and_not_of_each(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in "abc":
        (source / name).symlink_to(tmp_path / "gone")
    with pytest.raises(OSError, match=r"^\[Errno 2\] No such file or directory: .*, and 2 more that fail$"):
        copy_directory(str(source), str(tmp_path / "copy"))
