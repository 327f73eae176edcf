"""`WriteShards`: writes embedded rows to shards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindows

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.writers.shard_writer import ShardWriter
from albert_embed.pipeline.writers.write_files import WriteFilesFn

# Large enough that requests to a bucket and opening files cost nothing compared with the data, small enough that a
# reader can divide the files among processes. BigQuery, DuckDB and Spark all advise 100 MB to 1 GB.
SHARD_BYTES = 256 << 20
# What a killed run can lose. On a CPU a shard of pooled outputs takes hours to fill.
SHARD_SECONDS = 300.0


class WriteShards(beam.PTransform[beam.PCollection[pa.RecordBatch], beam.PCollection[Shard]]):
    """Writes RecordBatches of embedded rows, with the internal columns; gives a `Shard` for each finished one.

    Only the shards that the step gives are to be published (`WriteFilesFn`).

    Args:
      directory: where the shards go, on any file system that Beam knows.
      formats: what to write of each shard; at least one.
      shard_bytes: a shard is finished when its largest file has this many bytes.
      shard_seconds: a shard is finished when rows come and it is this old.
    """

    def __init__(
        self,
        directory: str,
        formats: Sequence[WritableFormat],
        *,
        shard_bytes: int = SHARD_BYTES,
        shard_seconds: float = SHARD_SECONDS,
    ) -> None:
        super().__init__()
        open_writer = partial(ShardWriter, directory, tuple(formats))
        self._write = WriteFilesFn(open_writer, max_bytes=shard_bytes, max_seconds=shard_seconds)

    def expand(self, rows: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[Shard]:
        shards: beam.PCollection[Shard] = (
            rows
            | "IntoOneWindow" >> beam.WindowInto(GlobalWindows())
            | "WriteShard" >> beam.ParDo(self._write).with_output_types(Shard)
        )
        return shards
