"""`FinishBatchesFn`: how many batches wait, in which order they are given, and what becomes of them after an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from apache_beam.transforms.window import GlobalWindow, IntervalWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.model.hosting.embed_batch import embed_batch
from albert_embed.model.streams.batch_streams import BatchStreams
from albert_embed.model.streams.finish_batches import FinishBatchesFn
from albert_embed.model.streams.started_batch import StartedBatch, start_batch
from tests.model.fake_engine import FakeEngine
from tests.model.hosting.test_embed_batch import make_batch
from tests.model.streams.meeting import GatedEngine

EMBEDDINGS = ("pooled",)


def make_batches(count: int, rows: int = 1) -> list[pa.RecordBatch]:
    return [make_batch([[2, 5 + number, 3]] * rows) for number in range(count)]


def expect(batches: list[pa.RecordBatch]) -> list[Any]:
    return [result for batch in batches for result in embed_batch(batch, FakeEngine(), EMBEDDINGS)]


@pytest.fixture
def engine() -> Iterator[GatedEngine]:
    engine = GatedEngine()
    yield engine
    engine.let()


def start(engine: FakeEngine, batches: list[pa.RecordBatch], streams: int = 1) -> list[StartedBatch]:
    shared = BatchStreams(engine, streams)
    return [start_batch(batch, shared, EMBEDDINGS) for batch in batches]


def test_batches_wait_while_their_vectors_are_few(engine: GatedEngine) -> None:
    batches = make_batches(6, rows=10)
    step = FinishBatchesFn(max_vectors=50)
    step.start_bundle()
    *started, last = start(engine, batches)
    for one in started:
        assert list(step.process(one, GlobalWindow())) == []  # the model has given nothing yet
    engine.let()  # the sixth must wait for the first, which is 10 vectors
    given = list(step.process(last, GlobalWindow()))
    assert given
    assert [value.value for value in [*given, *step.finish_bundle()]] == expect(batches)


def test_one_batch_waits_for_each_that_is_computed_however_large(engine: GatedEngine) -> None:
    batches = make_batches(5, rows=10)
    step = FinishBatchesFn(max_vectors=1)
    step.start_bundle()
    *started, last = start(engine, batches, streams=2)
    for one in started:
        assert list(step.process(one, GlobalWindow())) == []
    engine.let()
    assert [value.value for value in [*step.process(last, GlobalWindow()), *step.finish_bundle()]] == expect(batches)


def test_what_is_computed_is_given_at_once() -> None:
    batches = make_batches(3)
    step = FinishBatchesFn()
    step.start_bundle()
    for one, batch in zip(start(FakeEngine(), batches), batches, strict=True):
        one.outputs.result()
        assert [value.value for value in step.process(one, GlobalWindow())] == expect([batch])
    assert list(step.finish_bundle()) == []


def test_what_is_given_makes_room_for_others(engine: GatedEngine) -> None:
    step = FinishBatchesFn(max_vectors=50)
    step.start_bundle()
    engine.let(5)
    for one in start(engine, make_batches(5, rows=10)):
        one.outputs.result()
        assert len(list(step.process(one, GlobalWindow()))) == 1
    for one in start(engine, make_batches(5, rows=10)):
        assert list(step.process(one, GlobalWindow())) == []  # 50 vectors wait, as if they were the first
    engine.let()
    assert len(list(step.finish_bundle())) == 5


def test_each_batch_keeps_its_window() -> None:
    windows = [IntervalWindow(0, 10), IntervalWindow(10, 20), IntervalWindow(0, 10)]
    batches = make_batches(3)
    step = FinishBatchesFn()
    step.start_bundle()
    given: list[WindowedValue] = []
    for one, window in zip(start(FakeEngine(), batches), windows, strict=True):
        given += step.process(one, window)
    given += step.finish_bundle()
    assert [value.windows for value in given] == [(window,) for window in windows]
    assert [value.value for value in given] == expect(batches)


@pytest.mark.parametrize("where", ["in the model", "in what follows", "before", "between bundles"])
def test_after_an_error_nothing_more_is_begun(engine: GatedEngine, where: str) -> None:
    class Broken(GatedEngine):
        def run(self, inputs: Any, outputs: Any) -> Any:
            super().run(inputs, outputs)
            raise LookupError("broken")

    used = Broken() if where == "in the model" else engine
    step = FinishBatchesFn()
    step.start_bundle()
    started = start(used, make_batches(4))
    for one in started:
        assert list(step.process(one, GlobalWindow())) == []
    begun = started[0].outputs
    while not begun.running():
        pass
    if where == "in the model":
        used.let(1)
        with pytest.raises(LookupError, match=r"^broken$"):
            list(step.finish_bundle())
    elif where == "in what follows":
        used.let(1)
        results: Any = step.finish_bundle()
        next(results)
        results.close()  # as Python does where the step that takes the results raises
    elif where == "before":
        step.teardown()
    else:
        step.start_bundle()
    # The second may have been begun when the first was done.
    assert [one.outputs.cancelled() for one in started[2:]] == [True, True]
    used.let()
    assert list(step.finish_bundle()) == []
