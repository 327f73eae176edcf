"""`Output`: the one place that prints. Tables for people, or one line of JSON for programs.

After `pyiceberg/cli/output.py` of apache/iceberg-python, https://github.com/apache/iceberg-python.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType

    # What is shown to people: a table, text to be copied as it is, or a record as a line of JSON.
    Block = RenderableType | str | Mapping[str, Any]

# Control characters but for tabs and newlines, and what overrides the direction of a text: a terminal obeys them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The result of a command.

    Attributes:
      record: for programs.
      blocks: the same for people, from top to bottom.
      errors: what stands in the way of something that was asked for; lines for standard error.
    """

    record: Mapping[str, Any]
    blocks: tuple[Block, ...]
    errors: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """The exit status of the command."""
        return int(self.record.get("exit_status", 0))


class Output:
    """Prints results and errors, whatever characters the terminal has and however early its reader ends."""

    def __init__(
        self, *, as_json: bool = False, write_result: Callable[[Mapping[str, Any]], None] | None = None
    ) -> None:
        """Prints for programs, as one line of JSON, if `as_json`; else for people.

        Args:
          as_json: whether to.
          write_result: takes every record as well, of a result or an error, and raises PrintError where it can't write.
        """
        self._as_json = as_json
        self._write_result = write_result

    def print_result(self, result: CommandResult) -> None:
        """Prints a result on standard output, and its errors on standard error.

        Raises:
          PrintError: if standard output can't be written.
        """
        if self._write_result is not None:
            self._write_result(result.record)
        if self._as_json:
            self._print_record(result.record)
        else:
            self._print_blocks(result.blocks)
        for error in result.errors:
            self.print_error(error, None)

    def _print_blocks(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            if isinstance(block, str):
                self.print_text(block)
            elif isinstance(block, Mapping):
                self._print_record(block)
            else:
                self._print_table(block)

    def print_text(self, text: str) -> None:
        """Prints text on standard output, with a newline at its end.

        Raises:
          PrintError: if standard output can't be written.
        """
        _write(sys.stdout, text.rstrip("\n") + "\n")

    def print_error(self, message: str, record: Mapping[str, Any] | None) -> None:
        """Prints `message` on standard error, and on standard output `record`, if there is one and JSON was asked for.

        What can't be written there is lost: there is nowhere left to report it.
        """
        with contextlib.suppress(PrintError):
            _write(sys.stderr, escape_controls(message) + "\n")
        if self._write_result is not None and record is not None:
            try:
                self._write_result(record)
            except PrintError as e:
                with contextlib.suppress(PrintError):
                    _write(sys.stderr, f"{e}\n")
        if self._as_json and record is not None:
            with contextlib.suppress(PrintError):
                self._print_record(record)

    def close(self) -> None:
        """Flushes what others have left in the buffers, so that Python does not fail on it when it ends."""
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


def escape_controls(text: str) -> str:
    r"""Returns a text of somebody else's, such as a document or a path, with `\xXX` for what a terminal would obey."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def format_json_line(record: Mapping[str, Any], encoding: str) -> str:
    r"""Returns `record` as JSON in one line that `encoding` can hold: what it lacks is written as `\uXXXX`.

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
    r"""Writes at once, with `\xXX` for characters that the stream lacks. A reader that closes the pipe is no error."""
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
    """Sends the rest to the null device: what is buffered would fail again when Python ends (see `signal`'s docs)."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
