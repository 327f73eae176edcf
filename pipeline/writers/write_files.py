"""`WriteFilesFn`: writes the rows of a bundle to files of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.pipeline.writers.rolling_writer import FileWriter, RollingWriter
from albert_embed.transforms import metrics


class WriteFilesFn(beam.DoFn):
    """Writes RecordBatches to files, and yields what `FileWriter.finish` returns for each.

    A file is finished when it is large or old enough, or at the end of the bundle. Nothing is moved between workers: a
    bundle writes as many files of its own as it fills, so the runner decides on their number. (The in-process runner
    makes one bundle for each worker; a fixed number of files would send every row through a GroupByKey, which it holds
    in memory.) Only the files that the step gives are to be published: a bundle that failed, or that a runner ran
    twice, may have left others.

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
            yield WindowedValue(value, window.max_timestamp(), (window,))

    def teardown(self) -> None:
        self._writer.abandon()
