"""Paths that no command can use: one rule for all options that take one, before anything is read or written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import pytest

from albert_embed.pipeline.cli.main import COMMANDS, main
from albert_embed.pipeline.console.command import Command
from albert_embed.pipeline.console.option import Option, Place

# Metavars of what is a path, and what else is called so.
_PATHS = {"DIR", "FILE", "PATH", "PATTERN", "M"}
TAKEN = [
    pytest.param(command, option, id=f"{command.name} {option.flag}")
    for command in COMMANDS.values()
    for option in command.all_options
    if option.place is not None
]
WRITTEN = [one for one in TAKEN if cast(Option, one.values[1]).place is not Place.READ]


def run(command: Command, option: Option, path: str) -> int:
    """Runs a command whose other required options have values of some kind."""
    others = [other for other in command.options if other.required and other is not option]
    words = [word for other in others for word in ([] if other.is_positional else [other.flag]) + ["nowhere"]]
    return main([command.name, *words, *([path] if option.is_positional else [f"{option.flag}={path}"])])


def test_every_path_has_a_place() -> None:
    for command in COMMANDS.values():
        for option in command.all_options:
            assert (option.place is not None) == (option.placeholder in _PATHS), (command.name, option.flag)


@pytest.mark.parametrize(("command", "option"), TAKEN)
def test_no_path_has_a_nul_byte(command: Command, option: Option, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, option, "a\0b") == 2
    said = capsys.readouterr().err
    assert f"{option.flag} is 'a\\x00b', which has a NUL byte: no path has one; give another" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("command", "option"), TAKEN)
def test_no_path_is_empty(
    command: Command,
    option: Option,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(command, option, "") == 2
    assert f"{option.flag} has an empty path; is a variable of the shell not set?" in capsys.readouterr().err
    assert os.listdir() == []


@pytest.mark.parametrize(("command", "option"), WRITTEN)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (os.fsdecode(b"a\xff"), r" a\xff is not UTF-8, and TensorFlow opens no other paths; give another, or where it"),
        ("a\nb", r" is 'a\nb', which has control characters; give a path without any"),
        ("a\x1b[31m", r" is 'a\x1b[31m', which has control characters; give a path without any"),
        ("a\x85", r" is 'a\x85', which has control characters; give a path without any"),
    ],
)
def test_what_is_written_has_a_name_that_everything_takes(
    command: Command,
    option: Option,
    name: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(command, option, name) == 2
    assert f"{option.flag}{message}" in capsys.readouterr().err
    assert os.listdir() == []


@pytest.mark.parametrize(("command", "option"), WRITTEN)
@pytest.mark.parametrize(
    "path", ["hdfs://namenode/out", "http://server/out", "ftp://x", "azfs://a/b", "GS://b", "x://y"]
)
def test_what_is_written_lies_where_one_of_two_runs_can_be_the_first(
    command: Command,
    option: Option,
    path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(command, option, path) == 2
    if option.place is Place.WRITTEN_HERE:
        message = f"{option.flag} is {path}: it is written on this machine alone; give a local path"
    else:
        scheme = path.partition("://")[0]
        message = (
            f"{option.flag} is {path}: nothing is written to {scheme}://, where two runs could publish at once; give "
            "a local path, or one that starts with gs:// or s3://"
        )
    assert message in capsys.readouterr().err
    assert os.listdir() == []


def test_a_folder_below_temp_location_is_written_by_the_same_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    flags = ["--model", "default", "--input", str(tmp_path / "a.txt"), "--output", "bq:my-project:search.embeddings"]
    assert main(["embed", *flags, "--temp_location", "hdfs://namenode/temp"]) == 2
    assert "--temp_location is hdfs://namenode/temp: nothing is written to hdfs://" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "option"), WRITTEN)
def test_urls_of_files_and_home_folders_are_local_paths(command: Command, option: Option) -> None:
    occurrences = (
        ["file:///a%20b"]
        if option.flag != "--output" or command.name not in ("embed", "analyze")
        else [["file:///a%20b"]]
    )
    read = option.read(occurrences)
    assert str(read[0] if isinstance(read, tuple) else read) == "/a b"


@pytest.mark.parametrize("path", ["a\0b", "nowhere://b/run.yaml"])
def test_a_configuration_file_that_can_not_be_one(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "--config", path]) == 2
    said = capsys.readouterr().err
    assert "--config " in said and "Traceback" not in said
