"""`DropFinished`: drops rows that a run that was cut off has finished, so that they are not embedded again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.pipeline.resume.finished_shards import FinishedKeys, FinishedRows
from albert_embed.pipeline.shards.keys import row_keys
from albert_embed.transforms import metrics

# Positions in `FinishedKeys.keys`, each once, and how often each was met.
Met = tuple[np.ndarray, np.ndarray]


class DropFinished(beam.PTransform[beam.PCollection[pa.RecordBatch], dict[str, beam.PCollection[Any]]]):
    """Divides rows into `{"rows", "met", "counts"}`: those that are not finished, and how often each key was met.

    `met` is one array `[keys]` int32. A corpus may repeat a document, and all rows with a finished key are dropped:
    whether there are enough finished rows is known only at the end, from `met`.

    Args:
      finished: the finished rows. Each worker process holds their keys.
    """

    def __init__(self, finished: FinishedRows) -> None:
        super().__init__()
        self._finished = finished

    def expand(self, rows: beam.PCollection[pa.RecordBatch]) -> dict[str, beam.PCollection[Any]]:
        dropped = rows | "DropRows" >> beam.ParDo(DropRows(self._finished)).with_outputs(
            DropRows.MET, DropRows.COUNTS, main="rows"
        )
        met = dropped[DropRows.MET] | "AddMet" >> beam.CombineGlobally(AddMet(self._finished))
        return {"rows": dropped["rows"], "met": met, "counts": dropped[DropRows.COUNTS]}


class DropRows(beam.DoFn):
    """Drops rows whose keys are finished; the `Met` of each bundle goes to the output `MET`."""

    MET = "met"
    COUNTS = "counts"

    def __init__(self, finished: FinishedRows) -> None:
        self._finished = finished
        self._shared = Shared()
        self._keys: FinishedKeys | None = None
        self._positions: list[np.ndarray] = []

    def setup(self) -> None:
        self._keys = self._shared.acquire(self._finished.load_keys)

    def start_bundle(self) -> None:
        metrics.forget_counts()
        self._positions = []

    def process(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        assert self._keys is not None
        finished, positions = self._keys.find(row_keys(rows))
        if len(positions):
            self._positions.append(positions)
            metrics.increment(metrics.REUSED_ROWS, len(positions))
            rows = rows.filter(pa.array(~finished))
        if rows.num_rows:
            yield rows

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput[str, Any]]:
        window = GlobalWindow()
        counts = metrics.take_counts()
        if counts is not None:
            yield beam.pvalue.TaggedOutput(self.COUNTS, WindowedValue(counts, window.max_timestamp(), (window,)))
        if self._positions:
            met: Met = np.unique(np.concatenate(self._positions), return_counts=True)
            yield beam.pvalue.TaggedOutput(self.MET, WindowedValue(met, window.max_timestamp(), (window,)))
        self._positions = []


class AddMet(beam.CombineFn):
    """Adds up what the bundles have met."""

    def __init__(self, finished: FinishedRows) -> None:
        self._finished = finished

    def create_accumulator(self, *_: Any) -> np.ndarray:
        return np.zeros(0, np.int32)

    def add_input(self, accumulator: np.ndarray, met: Met, *_: Any) -> np.ndarray:
        positions, counts = met
        added = _resize(accumulator, int(positions[-1]) + 1)
        added[positions] += counts.astype(np.int32)
        return added

    def merge_accumulators(self, accumulators: Iterable[np.ndarray], *_: Any) -> np.ndarray:
        total = np.zeros(0, np.int32)
        for accumulator in accumulators:
            total = _resize(total, len(accumulator))
            total[: len(accumulator)] += accumulator
        return total

    def extract_output(self, accumulator: np.ndarray, *_: Any) -> np.ndarray:
        return accumulator


def _resize(counts: np.ndarray, length: int) -> np.ndarray:
    """Returns a copy that has at least this length."""
    resized = np.zeros(max(len(counts), length), np.int32)
    resized[: len(counts)] = counts
    return resized
