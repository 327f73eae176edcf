"""Reads Parquet files, a piece of a row group at a time, and only the columns that are needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.records.batching import BATCH_RECORDS
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records, fail_file
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.failure import Failure


class ParquetRecords(Source):
    """Rows of Parquet files; positions are row numbers from 0."""

    name = "parquet"
    endings = (".parquet", ".pq")

    def recognises(self, start: bytes) -> bool:
        return start.startswith(b"PAR1")

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        schema = pq.ParquetFile(pa.PythonFile(file, mode="r")).schema_arrow
        return {field.name: name_arrow_type(field.type) for field in schema}

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        table = pq.ParquetFile(pa.PythonFile(file, mode="r"))
        names = table.schema_arrow.names
        if fields.text not in names:
            yield fail_file(part.path, f"has no column {fields.text!r}; its columns are: {', '.join(names)[:200]}")
            return
        row = 0
        wanted = [name for name in fields.names if name in names]
        for batch in table.iter_batches(batch_size=BATCH_RECORDS, columns=wanted):
            columns: dict[str, pa.Array | list[Any]] = {}
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                columns[name] = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
            yield Records(file=part.path, unit="row", positions=range(row, row + batch.num_rows), columns=columns)
            row += batch.num_rows


def name_arrow_type(type_: pa.DataType) -> str:
    """Returns the name of an Arrow type in `--keep-fields`; "?" and the type where it can't be kept."""
    types = pa.types
    if types.is_dictionary(type_):
        return name_arrow_type(type_.value_type)
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        item = name_arrow_type(type_.value_type)
        return f"{item}[]" if item.isalnum() else f"?{type_}"
    if types.is_string(type_) or types.is_large_string(type_) or types.is_binary(type_) or types.is_large_binary(type_):
        return "string"
    if types.is_integer(type_) or types.is_boolean(type_):
        return "int64"
    return "float" if types.is_floating(type_) else f"?{type_}"
