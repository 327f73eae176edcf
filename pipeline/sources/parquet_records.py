"""Parquet files to Records, a piece of a row group at a time, only the columns that are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.sources.records import Records, fail_file
from albert_embed.transforms.failure import Failure

_BATCH_ROWS = 2048


def read_parquet(file: Any, path: str, fields: list[str]) -> Iterator[Records | Failure]:
    """The rows of an open Parquet file; positions are row numbers from 0."""
    table = pq.ParquetFile(pa.PythonFile(file, mode="r"))
    names = table.schema_arrow.names
    if fields[0] not in names:
        yield fail_file(path, f"has no column {fields[0]!r}; its columns are: {', '.join(names)[:200]}")
        return
    row = 0
    for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=[name for name in fields if name in names]):
        columns: dict[str, pa.Array | list[Any]] = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            columns[name] = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        yield Records(file=path, unit="row", positions=range(row, row + batch.num_rows), columns=columns)
        row += batch.num_rows
