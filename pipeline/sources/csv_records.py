"""CSV files to Records: a header row, then rows, quoted fields over several lines included.

Python's reader and not pyarrow's: that one gives up the whole file where a row does not fit into its block, and does
not say on which line a row stood.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from albert_embed.pipeline.sources.records import LONGEST_TEXT_BYTES, Records, fail_file, fail_record
from albert_embed.transforms.failure import Failure

_BATCH_ROWS = 2048
_BATCH_CHARACTERS = 2 << 20


class _Lines:
    """The lines of a file for the csv module; of one that is too long the start, so that memory stays bounded."""

    def __init__(self, file: Any) -> None:
        self._text = io.TextIOWrapper(
            io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file,
            encoding="utf-8-sig",
            errors="surrogateescape",  # a bad byte is found where its row is, and costs that row
            newline="",
        )
        self.cut = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_TEXT_BYTES + 1)
        if not line:
            raise StopIteration
        rest = line
        while len(rest) > LONGEST_TEXT_BYTES and not rest.endswith("\n"):
            self.cut = True
            rest = self._text.readline(LONGEST_TEXT_BYTES + 1)
        return line


def read_csv(file: Any, path: str, fields: list[str]) -> Iterator[Records | Failure]:
    """The rows of an open CSV file; positions are the lines they end on, the header being line 1."""
    csv.field_size_limit(LONGEST_TEXT_BYTES)
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    header = next(reader, None)
    if header is None:
        return
    if fields[0] not in header or len(set(header)) != len(header):
        yield fail_file(path, f"the header must name {fields[0]!r} and each column once; it is {header}"[:400])
        return
    wanted = [name for name in fields if name in header]
    rows: list[list[str]] = []
    positions: list[int] = []
    size = 0
    while True:
        lines.cut = False
        failure = None
        try:
            row = next(reader, None)
        except csv.Error as e:
            row = []
            reason = "text too long" if "field larger" in str(e) else "invalid CSV"
            failure = fail_record(path, f"line {reader.line_num}", reason, str(e))
        except ValueError:  # BrokenFileError: first what stands before the break
            if rows:
                yield _make_records(path, header, wanted, rows, positions)
            raise
        if row is None:
            break
        if failure is None and not row:
            continue  # an empty line is no record
        if failure is None and lines.cut:
            error = f"the line has over {LONGEST_TEXT_BYTES:,} characters"
            failure = fail_record(path, f"line {reader.line_num}", "text too long", error)
        if failure is None and len(row) != len(header):
            start = ",".join(row).encode("utf-8", "surrogateescape")
            error = f"{len(row)} columns, the header has {len(header)}"
            failure = fail_record(path, f"line {reader.line_num}", "wrong number of columns", error, start)
        if failure is not None:
            yield failure
            continue
        rows.append(row)
        positions.append(reader.line_num)
        size += sum(map(len, row))
        if len(rows) >= _BATCH_ROWS or size >= _BATCH_CHARACTERS:
            yield _make_records(path, header, wanted, rows, positions)
            rows, positions, size = [], [], 0
    if rows:
        yield _make_records(path, header, wanted, rows, positions)


def _make_records(
    path: str, header: list[str], wanted: list[str], rows: list[list[str]], positions: list[int]
) -> Records:
    columns: dict[str, pa.Array | list[Any]] = {}
    for name in wanted:
        place = header.index(name)
        columns[name] = pa.array([row[place].encode("utf-8", "surrogateescape") for row in rows], pa.large_binary())
    return Records(file=path, unit="line", positions=positions, columns=columns)
