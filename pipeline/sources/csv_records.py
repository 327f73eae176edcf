"""Reads CSV and TSV files: a header row, then rows, including quoted fields over several lines.

This is Python's reader and not pyarrow's, which gives up the whole file where a row does not fit into its block, and
does not give the lines of rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from albert_embed.pipeline.records.batching import batch_records
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.parse_numbers import parse_numbers
from albert_embed.pipeline.records.partitions import find_partitions
from albert_embed.pipeline.records.record_fields import RecordFields, find_missing_field
from albert_embed.pipeline.records.records import MAX_TEXT_BYTES, Records, fail_file, fail_record
from albert_embed.pipeline.settings.embed_options import DEFAULT_CSV_MAX_LINES, EmbedOptions
from albert_embed.pipeline.settings.field_type import STRING
from albert_embed.pipeline.sources.csv_lines import CsvLines
from albert_embed.pipeline.sources.csv_rows import read_csv_rows
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.steps.failure import Failure


class CsvRecords(Source):
    """Rows of CSV files; positions are the lines that they end on, the header being line 1."""

    name = "csv"
    endings = (".csv",)
    delimiter = ","
    is_text = True
    has_schema = True

    def __init__(self, max_lines: int = DEFAULT_CSV_MAX_LINES) -> None:
        self._max_lines = max_lines

    def configure(self, options: EmbedOptions) -> CsvRecords:
        return type(self)(options.csv_max_lines)

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        with CsvLines(file, self._max_lines) as lines:
            header = self._read_header(lines)
        return dict.fromkeys(header, STRING.name)

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        csv.field_size_limit(MAX_TEXT_BYTES)
        with CsvLines(file, self._max_lines) as lines:
            yield from self._read_lines(lines, part, fields)

    def _read_lines(self, lines: CsvLines, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        header = self._read_header(lines)
        if not header:
            return
        problem = _check_header(header, part, fields)
        if problem is not None:
            yield fail_file(part.path, problem)
            return
        wanted = [name for name in fields.names if name in header]
        rows = read_csv_rows(lines, part.path, len(header), self.delimiter)
        for batch in batch_records(_fail_headers(rows, header, part.path)):
            if isinstance(batch, Failure):
                yield batch
                continue
            columns: dict[str, pa.Array | list[Any]] = {
                name: _make_column(batch.records, header.index(name), name, fields) for name in wanted
            }
            yield Records(file=part.path, unit="line", positions=batch.positions, columns=columns)

    def _read_header(self, lines: CsvLines) -> list[str]:
        """Reads the first row that is not an empty line; an empty one if there is none."""
        return next(filter(None, csv.reader(lines, strict=True, delimiter=self.delimiter)), [])


class TsvRecords(CsvRecords):
    """Rows of files as CSV, but with tabs between the fields."""

    name = "tsv"
    endings = (".tsv",)
    delimiter = "\t"


def _check_header(header: list[str], part: FileRange, fields: RecordFields) -> str | None:
    """Returns why a file with this header can't be read; None if it can."""
    repeated = [name for name in fields.names if header.count(name) > 1]
    if repeated:
        return f"the header names {repeated[0]!r} {header.count(repeated[0])} times; give each column a name of its own"
    return find_missing_field(fields, [*header, *find_partitions(part.path)], "the file")


def _fail_headers(
    rows: Iterator[tuple[int, list[str], int] | Failure], header: list[str], path: str
) -> Iterator[tuple[int, list[str], int] | Failure]:
    """Yields what there is, and a failure for each row that is the header again, of several columns."""
    again = (header, ["\ufeff" + header[0], *header[1:]]) if len(header) > 1 else ()
    for found in rows:
        if not isinstance(found, Failure) and found[1] in again:
            error = "this is the header again, as where files were put one behind the other"
            yield fail_record(path, f"line {found[0]}", "invalid CSV", error)
        else:
            yield found


def _make_column(rows: list[list[str]], place: int, name: str, fields: RecordFields) -> pa.Array | list[Any]:
    cells: list[bytes | None] = [row[place].encode("utf-8", "surrogateescape") for row in rows]
    if name == fields.id and name not in (fields.text, fields.pair):
        cells = [cell or None for cell in cells]  # an empty cell is how CSV says that there is no id
    values = parse_numbers(cells, name, fields)
    return pa.array(cells, pa.large_binary()) if values is cells else values
