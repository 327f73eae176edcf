"""`FinishBatches`: waits for batches that the model has been given, and no sooner than it must."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import BoundedWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.model.streams.started_batch import StartedBatch, finish_batch
from albert_embed.transforms.steps.bundle_end import at_end_of

# How many vectors may wait: ALBERT-base's take 50 MB. While the model computes what waits, the next rows are read and
# tokenised, a million tokens at a time (`transforms.rows.token_batches`), so it should be no small part of these.
MAX_VECTORS = 16384


class FinishBatchesFn(beam.DoFn):
    """Gives the rows of `StartedBatch`es, in their order, when they are computed; at the latest when the bundle ends.

    One batch waits for each that is computed, however many vectors it has; more do while they have at most
    `max_vectors`.

    Args:
      max_vectors: of batches that wait.
    """

    def __init__(self, max_vectors: int = MAX_VECTORS) -> None:
        self._max_vectors = max_vectors
        self._waiting: deque[tuple[StartedBatch, BoundedWindow]] = deque()
        self._vectors = 0

    def start_bundle(self) -> None:
        self._drop()

    def process(
        self,
        started: StartedBatch,
        window: BoundedWindow = beam.DoFn.WindowParam,  # type: ignore[assignment]
    ) -> Iterator[WindowedValue]:
        self._waiting.append((started, window))
        self._vectors += started.vectors
        while self._waiting and (self._waiting[0][0].outputs.done() or self._is_full()):
            yield from self._finish_first()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        while self._waiting:
            yield from self._finish_first()

    def teardown(self) -> None:
        self._drop()

    def _is_full(self) -> bool:
        max_batches = 2 * self._waiting[0][0].streams.streams
        return self._vectors > self._max_vectors and len(self._waiting) > max_batches

    def _finish_first(self) -> Iterator[WindowedValue]:
        started, window = self._waiting.popleft()
        self._vectors -= started.vectors
        try:
            for result in finish_batch(started):
                yield at_end_of(window, result)
        except BaseException:  # an error here or in what follows, or Ctrl-C
            self._drop()
            raise

    def _drop(self) -> None:
        """Forgets what waits; what no thread has begun is never computed."""
        for started, _ in self._waiting:
            started.outputs.cancel()
        self._waiting.clear()
        self._vectors = 0


class FinishBatches(beam.PTransform[beam.PCollection[StartedBatch], beam.PCollection[Any]]):
    """Turns `StartedBatch`es into RecordBatches with embeddings, and `Failure`s; see `FinishBatchesFn`."""

    def expand(self, started: beam.PCollection[StartedBatch]) -> beam.PCollection[pa.RecordBatch]:
        finished: beam.PCollection[pa.RecordBatch] = started | "Finish" >> beam.ParDo(FinishBatchesFn())
        return finished
