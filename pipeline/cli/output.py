"""`Output`: the one place that prints. Tables for people, or one line of JSON for programs.

After `pyiceberg/cli/output.py` of apache/iceberg-python, https://github.com/apache/iceberg-python.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType

    # What people are shown: a table, text to be copied as it is, or a record as a line of JSON.
    Block = RenderableType | str | Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommandResult:
    """What a command has to say at its end.

    Attributes:
      record: for programs.
      blocks: the same for people, from top to bottom.
    """

    record: Mapping[str, Any]
    blocks: tuple[Block, ...]


class Output:
    """Prints results and errors, whatever the terminal can show and however early its reader goes away."""

    def __init__(self, *, as_json: bool = False) -> None:
        """Prints one line of JSON where `as_json` says so, else for people."""
        self._as_json = as_json

    def print_result(self, result: CommandResult) -> None:
        """The result on standard output.

        Raises:
          PrintError: where standard output can't be written.
        """
        if self._as_json:
            self._print_record(result.record)
            return
        for block in result.blocks:
            if isinstance(block, str):
                self.print_text(block)
            elif isinstance(block, Mapping):
                self._print_record(block)
            else:
                self._print_table(block)

    def print_text(self, text: str) -> None:
        """Text on standard output, a newline at its end.

        Raises:
          PrintError: where standard output can't be written.
        """
        _write(sys.stdout, text.rstrip("\n") + "\n")

    def print_error(self, message: str, record: Mapping[str, Any] | None) -> None:
        """`message` on standard error, and `record`, where there is one, on standard output if JSON was asked for.

        What can't be written there is lost: there is no place left to say so.
        """
        with contextlib.suppress(PrintError):
            _write(sys.stderr, message + "\n")
        if self._as_json and record is not None:
            with contextlib.suppress(PrintError):
                self._print_record(record)

    def close(self) -> None:
        """Writes out what others have left in the buffers, so that Python has nothing to complain of when it ends."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(PrintError):
                _write(stream, "")

    def _print_record(self, record: Mapping[str, Any]) -> None:
        _write(sys.stdout, format_json_line(record, _encoding(sys.stdout)) + "\n")

    def _print_table(self, table: RenderableType) -> None:
        from rich.console import Console

        console = Console(file=sys.stdout)
        with console.capture() as captured:
            console.print(table)
        _write(sys.stdout, captured.get())


class PrintError(RuntimeError):
    """Standard output or standard error can't be written: a full disk, for example."""


def format_json_line(record: Mapping[str, Any], encoding: str) -> str:
    r"""`record` as JSON in one line that `encoding` can hold: what it lacks is written as `\uXXXX`.

    JSON has no NaN and no infinity (RFC 8259, section 6): they become null.
    """
    plain = _without_nan(record)
    line = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(plain, ensure_ascii=True, allow_nan=False)
    return line


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return value


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _write(stream: TextIO | None, text: str) -> None:
    r"""Writes at once; characters that the stream lacks as `\xXX`. Whoever has closed the pipe wants no more of it."""
    if stream is None:  # the program was started without it
        return
    encoding = _encoding(stream)
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        _discard(stream)
    except OSError as e:
        _discard(stream)
        raise PrintError(f"can't write to {stream.name}: {e}") from e


def _discard(stream: TextIO) -> None:
    """Lets the rest go to the null device: what is buffered would fail again when Python ends (see `signal`'s docs)."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
