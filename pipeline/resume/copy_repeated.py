"""`CopyRepeated`: copies rows of documents that a corpus repeats, where only some of the rows were finished."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa

from albert_embed.pipeline.resume.finished_shards import FinishedRows


class FinishedShardsError(RuntimeError):
    """Finished shards hold what the corpus does not."""


class CopyRepeated(beam.DoFn):
    """Copies the rows that are still missing from finished ones, given how often each finished key was met.

    A document that is there twice has the same embeddings twice. A table of BigQuery holds each (id, window) once, so
    nothing is copied where there are only load files.

    Args:
      finished: the finished rows.

    Raises:
      FinishedShardsError: if a finished row was met less often than it is there.
    """

    def __init__(self, finished: FinishedRows) -> None:
        self._finished = finished

    def process(self, met: np.ndarray) -> Iterator[pa.RecordBatch]:
        keys = self._finished.load_keys()
        missing = -keys.counts
        missing[: len(met)] += met
        if (missing < 0).any():
            raise FinishedShardsError(
                f"{int(-missing[missing < 0].sum()):,} rows that an earlier run finished are not in the input, though "
                f"its files look the same; nothing was published. Delete {self._finished.directory} and run the same "
                "command again"
            )
        if self._finished.readable_format is None:
            return
        for shard in self._finished.shards:
            _, positions = keys.find(self._finished.load_shard_keys(shard))
            copies = np.zeros(len(positions), np.int64)
            first = np.unique(positions, return_index=True)[1]
            copies[first] = missing[positions[first]]
            missing[positions] = 0
            if copies.any():
                yield from _repeat_rows(self._finished.read(shard), copies)


def _repeat_rows(batches: Iterator[pa.RecordBatch], copies: np.ndarray) -> Iterator[pa.RecordBatch]:
    start = 0
    for batch in batches:
        rows = np.repeat(np.arange(batch.num_rows), copies[start : start + batch.num_rows])
        start += batch.num_rows
        if len(rows):
            yield batch.take(pa.array(rows))
