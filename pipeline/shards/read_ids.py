"""`read_ids`: reads the ids alone of a Parquet file, such as an index or tombstones."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from albert_embed.pipeline.formats.shard_file import open_parquet
from albert_embed.transforms.rows.columns import ID

_IDS_AT_ONCE = 64 * 1024


def read_ids(path: str) -> Iterator[pa.Array]:
    """Yields the column `id` of a file, some ten thousand at a time.

    Raises:
      DamagedShardError: if the file is damaged.
      FileNotFoundError: if there is none.
    """
    with open_parquet(path) as parquet:
        for batch in parquet.iter_batches(batch_size=_IDS_AT_ONCE, columns=[ID]):
            yield batch.column(ID)
