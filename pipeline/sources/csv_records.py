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
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import MAX_TEXT_BYTES, Records, fail_file
from albert_embed.pipeline.settings.embed_options import DEFAULT_CSV_MAX_LINES, EmbedOptions
from albert_embed.pipeline.settings.field_type import STRING
from albert_embed.pipeline.sources.csv_lines import CsvLines
from albert_embed.pipeline.sources.csv_rows import read_rows
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.failure import Failure


class CsvRecords(Source):
    """Rows of CSV files; positions are the lines that they end on, the header being line 1."""

    name = "csv"
    endings = (".csv",)
    delimiter = ","
    is_text = True

    def __init__(self, max_lines: int = DEFAULT_CSV_MAX_LINES) -> None:
        self._max_lines = max_lines

    def configure(self, options: EmbedOptions) -> CsvRecords:
        return type(self)(options.csv_max_lines)

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        with CsvLines(file, self._max_lines) as lines:
            header = next(csv.reader(lines, strict=True, delimiter=self.delimiter), [])
        return dict.fromkeys(header, STRING.name)

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        csv.field_size_limit(MAX_TEXT_BYTES)
        with CsvLines(file, self._max_lines) as lines:
            yield from self._read_lines(lines, part, fields)

    def _read_lines(self, lines: CsvLines, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        header = next(csv.reader(lines, strict=True, delimiter=self.delimiter), None)
        if header is None:
            return
        if fields.text not in header or len(set(header)) != len(header):
            error = f"the header must name {fields.text!r} and each column once; it is {header}"
            yield fail_file(part.path, error[:400])
            return
        wanted = [name for name in fields.names if name in header]
        for batch in batch_records(read_rows(lines, part.path, len(header), self.delimiter)):
            if isinstance(batch, Failure):
                yield batch
                continue
            columns: dict[str, pa.Array | list[Any]] = {
                name: _make_column(batch.records, header.index(name), name, fields) for name in wanted
            }
            yield Records(file=part.path, unit="line", positions=batch.positions, columns=columns)


class TsvRecords(CsvRecords):
    """Rows of files as CSV, but with tabs between the fields."""

    name = "tsv"
    endings = (".tsv",)
    delimiter = "\t"


def _make_column(rows: list[list[str]], place: int, name: str, fields: RecordFields) -> pa.Array | list[Any]:
    cells = [row[place].encode("utf-8", "surrogateescape") for row in rows]
    values = parse_numbers(cells, name, fields)
    return pa.array(cells, pa.large_binary()) if values is cells else values
