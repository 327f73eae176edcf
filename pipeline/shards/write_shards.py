"""`WriteShards`: embedded rows to finished shards."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.shards.shard_writer import OpenShard
from albert_embed.transforms import metrics

# Large enough that a bucket's requests and a reader's opening of files cost nothing beside the data, small enough that
# a reader can share the files among processes. BigQuery, DuckDB and Spark all advise 100 MB to 1 GB.
SHARD_BYTES = 256 << 20
# What a killed run can lose. On a CPU a shard of pooled outputs takes hours to fill.
SHARD_SECONDS = 300.0


class WriteShards(beam.PTransform):
    """RecordBatches of embedded rows, with the columns for the pipeline's own use → a `Shard` for each finished one.

    Nothing is moved between workers: a bundle writes its own shards, as many as it fills, so that the runner decides on
    their number. (The in-process runner makes one bundle for each worker; a fixed number of shards would send every row
    through a GroupByKey, which it holds in memory.) Only the shards that come out of the step are to be published: a
    bundle that failed, or that a runner ran twice, may have left others in the directory.

    Args:
      directory: where the shards go, on any file system that Beam knows.
      formats: what to write of each shard; at least one.
      shard_bytes: a shard is finished when its largest file has so many bytes.
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
        self._write = WriteShardFn(directory, tuple(formats), shard_bytes=shard_bytes, shard_seconds=shard_seconds)

    def expand(self, rows: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[Shard]:
        return (
            rows
            | "IntoOneWindow" >> beam.WindowInto(GlobalWindows())
            | "WriteShard" >> beam.ParDo(self._write).with_output_types(Shard)
        )


class WriteShardFn(beam.DoFn):
    """Holds one open shard at a time, and finishes it when it is large or old enough, or the bundle ends."""

    def __init__(
        self, directory: str, formats: Sequence[WritableFormat], *, shard_bytes: int, shard_seconds: float
    ) -> None:
        self._directory = directory
        self._formats = formats
        self._shard_bytes = shard_bytes
        self._shard_seconds = shard_seconds
        self._shard: OpenShard | None = None
        self._opened = 0.0

    def start_bundle(self) -> None:
        self._abandon()  # of a bundle that failed

    def process(self, rows: pa.RecordBatch) -> Iterator[Shard]:
        if self._shard is None:
            self._shard = OpenShard(self._directory, self._formats)
            self._opened = time.monotonic()
        with metrics.count_usecs(metrics.WRITE_USECS):
            self._shard.write(rows)
        if self._shard.size >= self._shard_bytes or time.monotonic() - self._opened >= self._shard_seconds:
            yield self._finish(self._shard)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._shard is not None:
            window = GlobalWindow()
            yield WindowedValue(self._finish(self._shard), window.max_timestamp(), [window])

    def teardown(self) -> None:
        self._abandon()

    def _finish(self, shard: OpenShard) -> Shard:
        with metrics.count_usecs(metrics.WRITE_USECS):
            finished = shard.finish()
        self._shard = None
        return finished

    def _abandon(self) -> None:
        if self._shard is not None:
            self._shard.abandon()
            self._shard = None
