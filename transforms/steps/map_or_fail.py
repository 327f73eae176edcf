"""`MapOrFail`: a plain function as a step with two outputs, what it makes and what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import BoundedWindow

from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.bundle_end import give_counts
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.outputs import COUNTS, FAILURES

# (element) or, with `load`, (element, what it loaded) → what is made of it, None or no rows for nothing; and failures.
MapFunction = Callable[..., tuple[Any, list[Failure]]]


class MapOrFail(beam.PTransform[beam.PCollection[Any], beam.pvalue.DoOutputsTuple]):
    """Applies a function that makes something of each element, and a `Failure` of each part of it that is bad.

    The result has three PCollections, `result.passed`, `result.failures` and `result.counts`, the `BundleCounts` of
    this step and those before it in its stage. A `Failure` among the elements goes to `failures` as it is. All failures
    are counted (`metrics.FAILURES`).

    Args:
      function: `element → (what is made of it, failures)`; what is None or has no rows is left out. It goes to workers,
        so it must be picklable: a function of a module, or a `functools.partial` of one.
      load: makes, once for each copy of the step on a worker, the second argument of `function`: what can't be sent
        there, or is too large.
      counter: a counter of `metrics` for rows: those that are made, and those that failed.
    """

    PASSED = "passed"

    def __init__(
        self, function: MapFunction, *, load: Callable[[], Any] | None = None, counter: str | None = None
    ) -> None:
        super().__init__()
        self._step = MapOrFailDoFn(function, load=load, counter=counter)

    def expand(self, elements: beam.PCollection[Any]) -> beam.pvalue.DoOutputsTuple:
        step = beam.ParDo(self._step).with_outputs(FAILURES, COUNTS, main=self.PASSED)
        outputs: beam.pvalue.DoOutputsTuple = elements | "Map" >> step
        return outputs


class MapOrFailDoFn(beam.DoFn):
    """The step of `MapOrFail`, which says what the arguments are."""

    def __init__(
        self, function: MapFunction, *, load: Callable[[], Any] | None = None, counter: str | None = None
    ) -> None:
        self._function = function
        self._load = load
        self._counter = counter
        self._loaded: tuple[Any, ...] = ()
        self._window: BoundedWindow | None = None

    def setup(self) -> None:
        if self._load is not None:
            self._loaded = (self._load(),)

    def start_bundle(self) -> None:
        metrics.forget_counts()
        self._window = None

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput[str, Any]]:
        if self._window is not None:  # else nothing came
            yield from give_counts(self._window)

    def process(
        self,
        element: Any,
        window: BoundedWindow = beam.DoFn.WindowParam,  # type: ignore[assignment]
    ) -> Iterator[Any]:
        self._window = window
        passed, failures = (None, [element]) if isinstance(element, Failure) else self._map(element)
        metrics.increment(metrics.FAILURES, len(failures))
        if passed is not None:
            yield passed
        for failure in failures:
            yield beam.pvalue.TaggedOutput(FAILURES, failure)

    def _map(self, element: Any) -> tuple[Any, list[Failure]]:
        passed, failures = self._function(element, *self._loaded)
        rows = passed.num_rows if isinstance(passed, pa.RecordBatch) else int(passed is not None)
        if self._counter is not None:
            metrics.increment(self._counter, rows + len(failures))
        return (passed if rows else None), failures
