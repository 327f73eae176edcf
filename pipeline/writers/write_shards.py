"""Writes embedded rows to shards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.writers.shard_writer import ShardWriter
from albert_embed.pipeline.writers.write_files import WriteFiles

# Large enough that requests to a bucket and opening files cost nothing compared with the data, small enough that a
# reader can divide the files among processes. BigQuery, DuckDB and Spark all advise 100 MB to 1 GB.
SHARD_BYTES = 256 << 20
# What a killed run can lose. On a CPU a shard of pooled outputs takes hours to fill.
SHARD_SECONDS = 300.0


def make_write_shards(
    directory: str,
    formats: Sequence[WritableFormat],
    *,
    shard_bytes: int = SHARD_BYTES,
    shard_seconds: float = SHARD_SECONDS,
) -> WriteFiles:
    """Makes the step that writes RecordBatches of embedded rows, with the internal columns; its files are `Shard`s.

    Args:
      directory: the staging folder of the run, on any file system that Beam knows.
      formats: what to write of each shard; at least one.
      shard_bytes: a shard is finished when its largest file has this many bytes.
      shard_seconds: a shard is finished when rows come and it is this old.
    """
    return WriteFiles(partial(ShardWriter, directory, tuple(formats)), max_bytes=shard_bytes, max_seconds=shard_seconds)
