"""The index of a shard: which rows it holds, in a small Parquet file beside the data.

It has one row for each data row, in the same order. It is written last, so it also says that the data are complete.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.shards.shard import Shard
from albert_embed.transforms.rows.columns import (
    CONTENT_HASH,
    ID,
    INPUT_IDS,
    INPUT_POSITION,
    INPUT_RANGE,
    TOKENS,
    TRUNCATED,
    TYPES,
    WINDOW,
    WINDOW_COUNT,
)
from albert_embed.transforms.rows.list_lengths import list_lengths

SCHEMA = pa.schema(
    [
        (ID, TYPES[ID]),
        (CONTENT_HASH, TYPES[CONTENT_HASH]),
        (WINDOW, TYPES[WINDOW]),
        (WINDOW_COUNT, TYPES[WINDOW_COUNT]),
        (TOKENS, TYPES[TOKENS]),
        (TRUNCATED, TYPES[TRUNCATED]),
        (INPUT_RANGE, TYPES[INPUT_RANGE]),
        (INPUT_POSITION, TYPES[INPUT_POSITION]),
    ]
)
_SHARD_KEY = b"albert_embed.shard"


def index_rows(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the index of embedded rows, `SCHEMA`; without a place in the input where the rows have none."""
    columns = [_take_column(rows, name) for name in SCHEMA.names]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _take_column(rows: pa.RecordBatch, name: str) -> pa.Array:
    if name == TOKENS:
        return pa.array(list_lengths(rows.column(INPUT_IDS)))
    if name in (INPUT_RANGE, INPUT_POSITION) and name not in rows.schema.names:
        return pa.nulls(rows.num_rows, TYPES[name])
    return rows.column(name)


def write_index(file: Any, index: list[pa.RecordBatch], shard: Shard) -> None:
    """Writes the index of a shard, with what is known about the shard as metadata.

    Args:
      file: open for writing bytes; not closed here.
      index: the results of `index_rows`.
      shard: finished, except for its index.
    """
    schema = SCHEMA.with_metadata({_SHARD_KEY: shard.to_json().encode()})
    with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(pa.Table.from_batches(index, SCHEMA).replace_schema_metadata(schema.metadata))


def read_index(file: Any) -> tuple[Shard, pa.Table]:
    """Reads the shard and the rows of an index, `SCHEMA`.

    Args:
      file: open for reading bytes.

    Raises:
      ValueError: if it is not an index of this program.
    """
    content = file.read()
    try:
        table = pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
    except (OSError, pa.ArrowException) as e:  # an OSError where the checksum of a page is another
        raise ValueError(f"not the index of a shard: {e}") from e
    try:
        shard = Shard.from_json((table.schema.metadata or {})[_SHARD_KEY])
        return shard, table.select(SCHEMA.names).cast(SCHEMA)
    except (KeyError, TypeError, ValueError) as e:
        raise ValueError(f"not the index of a shard: {e!r}") from e
