"""`WriteFiles`: writes the elements of each bundle to files of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from albert_embed.pipeline.writers.rolling_writer import FileWriter, RollingWriter
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.bundle_end import at_end_of_all, give_counts
from albert_embed.transforms.steps.outputs import COUNTS

FILES = "files"


class WriteFiles(beam.PTransform[beam.PCollection[Any], dict[str, beam.PCollection[Any]]]):
    """Writes elements to files: `{"files", "counts"}`, what `FileWriter.finish` returns, and `BundleCounts`.

    Only the files that the step gives are to be published: a bundle that failed, or that a runner ran twice, may have
    left others.

    Args:
      open_writer, max_bytes, max_seconds: as in `WriteFilesFn`.
    """

    def __init__(
        self, open_writer: Callable[[], FileWriter[Any]], *, max_bytes: int, max_seconds: float = math.inf
    ) -> None:
        super().__init__()
        self._write = WriteFilesFn(open_writer, max_bytes=max_bytes, max_seconds=max_seconds)

    def expand(self, elements: beam.PCollection[Any]) -> dict[str, beam.PCollection[Any]]:
        written = (
            elements
            | "IntoOneWindow" >> beam.WindowInto(GlobalWindows())
            | "WriteFile" >> beam.ParDo(self._write).with_outputs(COUNTS, main=FILES)
        )
        return {FILES: written[FILES], COUNTS: written[COUNTS]}


class WriteFilesFn(beam.DoFn):
    """Writes elements, such as RecordBatches, to files, and yields what `FileWriter.finish` returns for each.

    A file is finished when it is large or old enough, or at the end of the bundle. Nothing is moved between workers: a
    bundle writes as many files of its own as it fills, so the runner decides on their number. (The in-process runner
    makes one bundle for each worker; a fixed number of files would send every row through a GroupByKey, which it holds
    in memory.)

    Args:
      open_writer: opens the next file; it is pickled.
      max_bytes, max_seconds: when a file is finished (`RollingWriter`).
    """

    def __init__(
        self, open_writer: Callable[[], FileWriter[Any]], *, max_bytes: int, max_seconds: float = math.inf
    ) -> None:
        self._writer = RollingWriter(open_writer, max_bytes=max_bytes, max_seconds=max_seconds)

    def start_bundle(self) -> None:
        metrics.forget_counts()
        self._writer.abandon()  # of a bundle that failed

    def process(self, element: Any) -> Iterator[Any]:
        with metrics.count_usecs(metrics.WRITE_USECS):
            finished = self._writer.write(element)
        yield from finished

    def finish_bundle(self) -> Iterator[Any]:
        with metrics.count_usecs(metrics.WRITE_USECS):
            finished = self._writer.finish()
        yield from map(at_end_of_all, finished)
        yield from give_counts()

    def teardown(self) -> None:
        self._writer.abandon()
