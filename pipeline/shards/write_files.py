"""`WriteFilesFn`: the rows of a bundle to files of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.pipeline.shards.rolling_writer import FileWriter, RollingWriter
from albert_embed.transforms import metrics


class WriteFilesFn(beam.DoFn):
    """RecordBatches → what `FileWriter.finish` returns, for each file that is large or old enough, or at the bundle's
    end.

    Nothing is moved between workers: a bundle writes its own files, as many as it fills, so that the runner decides on
    their number. (The in-process runner makes one bundle for each worker; a fixed number of files would send every row
    through a GroupByKey, which it holds in memory.) Only the files that come out of the step are to be published: a
    bundle that failed, or that a runner ran twice, may have left others.

    Args:
      open_writer: opens the next file; it is pickled.
      max_bytes, max_seconds: when a file is finished (`RollingWriter`).
    """

    def __init__(
        self, open_writer: Callable[[], FileWriter[Any]], *, max_bytes: int, max_seconds: float = math.inf
    ) -> None:
        self._writer = RollingWriter(open_writer, max_bytes=max_bytes, max_seconds=max_seconds)

    def start_bundle(self) -> None:
        self._writer.abandon()  # of a bundle that failed

    def process(self, rows: pa.RecordBatch) -> Iterator[Any]:
        with metrics.count_usecs(metrics.WRITE_USECS):
            finished = self._writer.write(rows)
        yield from finished

    def finish_bundle(self) -> Iterator[WindowedValue]:
        with metrics.count_usecs(metrics.WRITE_USECS):
            finished = self._writer.finish()
        window = GlobalWindow()
        for value in finished:
            yield WindowedValue(value, window.max_timestamp(), [window])

    def teardown(self) -> None:
        self._writer.abandon()
