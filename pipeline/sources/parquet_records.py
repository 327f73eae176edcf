"""Reads Parquet files, a piece of a row group at a time, and only the columns that are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.records.batching import BATCH_RECORDS
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.nested_fields import find_path, take_column
from albert_embed.pipeline.records.partitions import find_partitions
from albert_embed.pipeline.records.record_fields import RecordFields, find_missing_field
from albert_embed.pipeline.records.records import Records, fail_file
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.failure import Failure

_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


class ParquetRecords(Source):
    """Rows of Parquet files; positions are row numbers from 0."""

    name = "parquet"
    endings = (".parquet", ".pq")
    has_schema = True

    def recognises(self, start: bytes) -> bool:
        return start.startswith(b"PAR1") and b"\0" in start  # a text may begin so; the first page has zeros

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        schema = pq.ParquetFile(pa.PythonFile(file, mode="r")).schema_arrow
        return dict(_name_field_types(schema))

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        table = pq.ParquetFile(pa.PythonFile(file, mode="r"))
        known = [*dict(_name_field_types(table.schema_arrow)), *find_partitions(part.path)]
        missing = find_missing_field(fields, known, "the file")
        if missing is not None:
            yield fail_file(part.path, missing)
            return
        paths = {name: find_path(table.schema_arrow, name) for name in fields.names}
        row = 0
        wanted = {name: path for name, path in paths.items() if path is not None}
        selected = list(map(".".join, wanted.values()))
        for batch in table.iter_batches(batch_size=BATCH_RECORDS, columns=selected):
            columns: dict[str, pa.Array | list[Any]] = {}
            for name, path in wanted.items():
                column = take_column(batch, path)
                columns[name] = _simplify(column)
            yield Records(file=part.path, unit="row", positions=range(row, row + batch.num_rows), columns=columns)
            row += batch.num_rows


def _name_field_types(fields: Iterable[pa.Field], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields each field with its type, and behind each struct its fields."""
    for field in fields:
        yield prefix + field.name, name_arrow_type(field.type)
        if pa.types.is_struct(field.type):
            yield from _name_field_types(field.type.fields, f"{prefix}{field.name}.")


def _simplify(column: pa.Array) -> pa.Array:
    """Dictionaries as their values, dates and times as strings; any other column as it is."""
    if pa.types.is_dictionary(column.type):
        return _simplify(column.dictionary_decode())
    if _is_list(column.type) and _is_time(column.type.value_type):
        return column.cast(pa.list_(pa.string()))
    return column.cast(pa.string()) if _is_time(column.type) else column


def _is_list(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_))


def _is_time(type_: pa.DataType) -> bool:
    return bool(pa.types.is_date(type_) or pa.types.is_time(type_) or pa.types.is_timestamp(type_))


def name_arrow_type(type_: pa.DataType) -> str:
    """Returns the name of an Arrow type in `--keep-fields`; "?" and the type where it can't be kept."""
    types = pa.types
    if types.is_dictionary(type_):
        return name_arrow_type(type_.value_type)
    if _is_list(type_):
        item = name_arrow_type(type_.value_type)
        return f"{item}[]" if item.isalnum() else f"?{type_}"
    if types.is_null(type_):
        return "?null"
    if any(is_text(type_) for is_text in _TEXTS) or types.is_decimal(type_) or _is_time(type_) or type_ == pa.uuid():
        return "string"
    if types.is_integer(type_) or types.is_boolean(type_):
        return "int64"
    return "float" if types.is_floating(type_) else f"?{type_}"
