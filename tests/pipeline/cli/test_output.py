"""What the program prints, wherever it goes: an ASCII terminal, a pipe that is closed, a full disk."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.table import Table

from albert_embed.pipeline.console.output import CommandResult, Output, PrintError, format_json_line
from albert_embed.pipeline.console.pairs_table import make_pairs_table
from tests.pipeline.embedded_rows import make_rows, publish_rows

RECORD = {"id": "Fußgänger 日本 \udcff"}
# The program, with an `inspect` that finds RECORD at once: the real one imports TensorFlow.
PROGRAM = f"""
import dataclasses, sys
from albert_embed.pipeline.cli import main
from albert_embed.pipeline.console.output import CommandResult

def run_inspect(arguments):
    from albert_embed.pipeline.console.pairs_table import make_pairs_table
    return CommandResult(record={RECORD!a}, blocks=(make_pairs_table("inspect", {RECORD!a}), {RECORD!a}))

main.COMMANDS["inspect"] = dataclasses.replace(main.COMMANDS["inspect"], run=run_inspect)
sys.exit(main.main())
"""
EVERY_ENCODING = pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])


def run_program(*arguments: str, encoding: str | None = None, **streams: int) -> subprocess.CompletedProcess[bytes]:
    """Runs the program; its standard output and error are read as bytes unless `streams` says where they go."""
    environment = {**os.environ, **({"PYTHONIOENCODING": encoding} if encoding else {})}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.run(command, env=environment, check=False, **streams)  # type: ignore[call-overload,no-any-return]


@EVERY_ENCODING
def test_json_is_json_in_every_encoding(encoding: str) -> None:
    result = run_program("inspect", "DIR", "--json", encoding=encoding)
    assert (result.returncode, result.stderr) == (0, b"")
    (line,) = result.stdout.decode(encoding).splitlines()
    assert json.loads(line) == RECORD


@EVERY_ENCODING
def test_tables_and_rows_in_every_encoding(encoding: str) -> None:
    result = run_program("inspect", "DIR", encoding=encoding)
    assert (result.returncode, result.stderr) == (0, b"")
    *table, row = result.stdout.decode(encoding).splitlines()
    assert json.loads(row) == RECORD
    shown = "".join(table)
    assert ("│" in shown) is (encoding == "utf-8")
    assert ("Fußgänger" in shown) is (encoding != "ascii")
    assert ("日本" in shown) is (encoding == "utf-8")


@pytest.mark.integration
def test_a_real_output_where_the_terminal_is_ascii(tmp_path: Path) -> None:
    directory = tmp_path / "Größe 日本"
    failure = {"stage": "read", "reason": "invalid JSON", "id": RECORD["id"]}
    publish_rows(directory, [make_rows([2, 5])], failures=[json.dumps(failure)])
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "albert_embed", "inspect", str(directory), "--head", "1"]
    people = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout.decode("ascii")
    assert json.loads(people.splitlines()[-1]) == failure
    program = subprocess.run([*command, "--json"], env=environment, stdout=subprocess.PIPE, check=True).stdout
    found = json.loads(program.decode("ascii"))
    assert (found["directory"], found["failed"]) == (str(directory), [failure])


@EVERY_ENCODING
@pytest.mark.parametrize("name", ["--日本", "--\udcff"])
def test_errors_in_every_encoding(encoding: str, name: str) -> None:
    result = run_program("compact", "DIR", name, "--json", encoding=encoding)
    assert result.returncode == 2
    assert json.loads(result.stdout.decode(encoding)) == {
        "status": "usage",
        "exit_status": 2,
        "error": f"UsageError: unknown flag {name}; the nearest known one is --json",
    }
    usage, message = result.stderr.decode(encoding).splitlines()
    assert usage.startswith("usage: albert-embed compact DIR")
    assert message.startswith("albert-embed compact: unknown flag --")


def make_closed_pipe() -> int:
    """The end to write to of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["embed", "--help"], 0),
        (["inspect", "DIR"], 0),
        (["inspect", "DIR", "--json"], 0),
        (["compact", "--json"], 2),
    ],
)
def test_standard_output_that_is_closed(arguments: list[str], status: int) -> None:
    pipe = make_closed_pipe()
    result = run_program(*arguments, stdout=pipe)
    os.close(pipe)
    assert result.returncode == status
    assert result.stderr.splitlines() == (
        [] if status == 0 else [b"usage: albert-embed compact DIR [options]", b"albert-embed compact: DIR is missing"]
    )


def test_standard_error_that_is_closed() -> None:
    pipe = make_closed_pipe()
    result = run_program("inspect", "--bad", stderr=pipe)
    os.close(pipe)
    assert (result.returncode, result.stdout) == (2, b"")


def test_the_first_line_is_enough() -> None:
    shell = f"set -o pipefail; '{sys.executable}' -m albert_embed embed --help | head -1"
    result = subprocess.run(["bash", "-c", shell], capture_output=True, check=False)
    assert result.returncode == 0
    assert result.stdout.startswith(b"usage: albert-embed embed ")
    assert result.stderr == b""


@pytest.mark.parametrize("arguments", [["--help"], ["inspect", "DIR", "--json"]])
def test_a_full_disk_is_a_failure(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        result = run_program(*arguments, stdout=full.fileno())
    assert result.returncode == 4
    (message,) = result.stderr.decode().splitlines()
    assert message.endswith(" failed: PrintError: can't write to <stdout>: [Errno 28] No space left on device")


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_stream_that_the_program_was_started_without(stream: str) -> None:
    shell = f"'{sys.executable}' -m albert_embed compact --json {stream}>&-"
    result = subprocess.run(["bash", "-c", shell], capture_output=True, check=False)
    assert result.returncode == 2
    assert b"Traceback" not in result.stderr
    assert bool(result.stdout) is (stream == "2")


@pytest.mark.parametrize("arguments", [["inspect", "out"], ["embed", "--model", "m", "--input", "x", "--output", "o"]])
def test_a_working_folder_that_is_deleted(tmp_path: Path, arguments: list[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    shell = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    command = ["bash", "-c", shell, "bash", str(folder), sys.executable, "-m", "albert_embed", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    (message,) = result.stderr.splitlines()
    assert message == (
        f"albert-embed {arguments[0]}: the working folder no longer exists; change to one that does and start again"
    )
    assert result.stdout == ""


def test_help_needs_no_working_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    shell = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    command = ["bash", "-c", shell, "bash", str(folder), sys.executable, "-m", "albert_embed", "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("value", "encoding", "line"),
    [
        ({"a": "é"}, "utf-8", '{"a": "é"}'),
        ({"a": "é"}, "latin-1", '{"a": "é"}'),
        ({"a": "é"}, "ascii", r'{"a": "\u00e9"}'),
        ({"a": "日"}, "latin-1", r'{"a": "\u65e5"}'),
        ({"a": "\udcff"}, "utf-8", r'{"a": "\udcff"}'),
        ({"a": [math.nan, {"b": math.inf}, (1.5, -math.inf)]}, "utf-8", '{"a": [null, {"b": null}, [1.5, null]]}'),
    ],
)
def test_lines_of_json(value: Mapping[str, object], encoding: str, line: str) -> None:
    assert format_json_line(value, encoding) == line


def test_one_result_for_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name")
    table.add_row("value")
    result = CommandResult(record={"a": 1}, blocks=(table, "-- [as] it is", {"b": 2}))
    Output(as_json=True).print_result(result)
    assert capsys.readouterr().out == '{"a": 1}\n'
    Output().print_result(result)
    *shown, text, record = capsys.readouterr().out.splitlines()
    assert "value" in "".join(shown)
    assert (text, record) == ("-- [as] it is", '{"b": 2}')


def test_what_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(PrintError, match=r"^can't write to /dev/full: .*No space left on device$") as raised:
            Output().print_text("text")
        assert isinstance(raised.value.__cause__, OSError)


def test_text_in_a_stream_of_no_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    Output().print_text("é\n")
    assert stream.getvalue() == "é\n"


def test_errors_can_not_move_the_cursor_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().print_error("a\x1b[2Jb\tc\nd\u202e\x9b\r", None)
    assert capsys.readouterr().err == "a\\x1b[2Jb\tc\nd\\u202e\\x9b\\r\n"


@pytest.mark.parametrize("columns", [30, 40, 80])
def test_values_are_shown_whole_on_narrow_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = {"tokens per row / padded per batch, at most": "512 / 1,024", "[red]": "f" * 64, ":heart:": "[bold]"}
    Output().print_result(CommandResult(record={}, blocks=(make_pairs_table("embed", rows),)))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns
    cells = [line.split("│")[1:3] for line in shown.splitlines() if "│" in line]
    names, values = ("".join("".join(column).split()) for column in zip(*cells, strict=True))
    assert names == "tokensperrow/paddedperbatch,atmost[red]:heart:"
    assert values == "512/1,024" + "f" * 64 + "[bold]"
