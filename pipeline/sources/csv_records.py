"""CSV files: a header row, then rows, quoted fields over several lines included.

Python's reader and not pyarrow's: that one gives up the whole file where a row does not fit into its block, and does
not say on which line a row stood.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

from albert_embed.pipeline.sources.batching import batch_records
from albert_embed.pipeline.sources.record_fields import RecordFields
from albert_embed.pipeline.sources.records import LONGEST_TEXT_BYTES, Records, fail_file, fail_record
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.failure import Failure


class CsvRecords(Source):
    """Rows of CSV files; positions are the lines that they end on, the header being line 1."""

    name = "csv"
    endings = (".csv",)

    def read(
        self, file: BinaryIO, path: str, fields: RecordFields, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Records | Failure]:
        csv.field_size_limit(LONGEST_TEXT_BYTES)
        lines = _Lines(file)
        reader = csv.reader(lines, strict=True)
        header = next(reader, None)
        if header is None:
            return
        if fields.text not in header or len(set(header)) != len(header):
            yield fail_file(path, f"the header must name {fields.text!r} and each column once; it is {header}"[:400])
            return
        wanted = [name for name in fields.names if name in header]
        for batch in batch_records(_read_rows(reader, lines, path, header)):
            if isinstance(batch, Failure):
                yield batch
                continue
            columns: dict[str, pa.Array | list[Any]] = {
                name: _make_column(batch.records, header.index(name)) for name in wanted
            }
            yield Records(file=path, unit="line", positions=batch.positions, columns=columns)


def _read_rows(
    reader: _Reader, lines: _Lines, path: str, header: list[str]
) -> Iterator[tuple[int, list[str], int] | Failure]:
    """`(line, row, its size)` of each row that has the columns of the header."""
    while True:
        lines.cut = False
        try:
            row = next(reader, None)
        except csv.Error as e:
            reason = "text too long" if "field larger" in str(e) else "invalid CSV"
            yield fail_record(path, f"line {reader.line_num}", reason, str(e))
            continue
        if row is None:
            return
        where = f"line {reader.line_num}"
        if lines.cut:
            yield fail_record(path, where, "text too long", f"the line has over {LONGEST_TEXT_BYTES:,} characters")
        elif row and len(row) != len(header):  # an empty line is no record
            start = ",".join(row).encode("utf-8", "surrogateescape")
            error = f"{len(row)} columns, the header has {len(header)}"
            yield fail_record(path, where, "wrong number of columns", error, start)
        elif row:
            yield reader.line_num, row, sum(map(len, row))


def _make_column(rows: list[list[str]], place: int) -> pa.Array:
    return pa.array([row[place].encode("utf-8", "surrogateescape") for row in rows], pa.large_binary())


class _Reader(Protocol):
    """What `csv.reader` gives, which has no name of its own."""

    line_num: int

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


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
