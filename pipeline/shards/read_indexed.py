"""Reads shards together with their indexes: rows as they were written."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from albert_embed.pipeline.formats.row_format import RowFormat
from albert_embed.pipeline.formats.shard_file import DamagedShardError
from albert_embed.pipeline.shards.shard_index import read_index
from albert_embed.transforms.files.open_bytes import open_bytes
from albert_embed.transforms.rows.columns import CONTENT_HASH, ID, WINDOW_COUNT


def read_indexed_rows(data_path: str, index_path: str, format_: RowFormat) -> Iterator[pa.RecordBatch]:
    """Yields the rows of one shard, as its format reads them, with `content_hash` and `window_count`.

    Args:
      data_path, index_path: the shard and its index.
      format_: of the shard.

    Raises:
      DamagedShardError: if what was written can't be read again, or the index belongs to other rows.
      FileNotFoundError: if a file is not there.
    """
    try:
        with open_bytes(index_path) as file:
            _, index = read_index(file)
    except ValueError as e:
        raise DamagedShardError(f"{index_path}: {e}") from e
    start = 0
    for rows in format_.read([data_path]):
        part = index.slice(start, rows.num_rows).combine_chunks()
        start += rows.num_rows
        if part[ID].to_pylist() != rows.column(ID).to_pylist():
            raise DamagedShardError(f"{index_path} is not the index of {data_path}")
        added = [part[name].combine_chunks() for name in (CONTENT_HASH, WINDOW_COUNT)]
        names = [*rows.schema.names, CONTENT_HASH, WINDOW_COUNT]
        yield pa.RecordBatch.from_arrays([*rows.columns, *added], names=names)
