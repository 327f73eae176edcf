"""Several batches at once: they are, in their order, with the counts and failures of one at a time."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.internal import pickler
from apache_beam.ml.inference.base import RunInference
from apache_beam.testing.util import assert_that

from albert_embed.model.engines.tensorflow_engine import TensorFlowEngine
from albert_embed.model.hosting.batch_streams import BatchStreams
from albert_embed.model.hosting.choose_engine import EngineName, load_engine
from albert_embed.model.hosting.embed_batch import embed_batches
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.hosting.load_on_demand import LoadOnDemand
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure
from tests.model.fake_engine import FakeEngine
from tests.model.hosting.test_embed_batch import make_batch
from tests.tiny_model import TINY, make_inputs

BATCHES = [
    make_batch([[2, 9, 3]]),
    make_batch([[2, 5, 6, 7, 3], [2, 4, 4, 3]]),
    make_batch([]),
    make_batch([[2, 8, 3], [2, 3]]),
]


class MeetingEngine(FakeEngine):
    """Returns from no batch before `parties` are there."""

    def __init__(self, parties: int, **options: Any) -> None:
        super().__init__(**options)
        self._barrier = threading.Barrier(parties, timeout=60)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        self._barrier.wait()
        return super().run(inputs, outputs)


def embed(engine: Any, batches: list[pa.RecordBatch] = BATCHES) -> list[pa.RecordBatch | Failure]:
    return list(embed_batches(batches, engine, ("pooled", "mean")))


def test_batches_are_computed_at_once_and_stay_in_their_order() -> None:
    assert embed(BatchStreams(MeetingEngine(3), 3)) == embed(FakeEngine())


def test_counts_are_those_of_the_thread_that_asks() -> None:
    def count(engine: Any) -> dict[str, int]:
        metrics.forget_counts()
        embed(engine)
        taken = metrics.take_counts()
        assert taken is not None and taken.counts.pop("inference_msecs") >= 0
        return taken.counts

    one_by_one = count(FakeEngine())
    assert one_by_one == {"batches": 3, "padded_tokens": 3 + 10 + 6, "rows": 5, "tokens": 3 + 9 + 5}
    assert count(BatchStreams(FakeEngine(), 2)) == one_by_one


@pytest.mark.parametrize("options", [{"most_rows": 1}, {"bad_token": 7}, {"too_long": 4}, {"nan_token": 8}])
def test_what_fails_is_what_fails_one_by_one(options: dict[str, int]) -> None:
    assert embed(BatchStreams(FakeEngine(**options), 2)) == embed(FakeEngine(**options))


def test_an_error_ends_all_and_starts_no_more() -> None:
    class Broken(FakeEngine):
        started = 0
        going_on = threading.Event()

        def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
            self.started += 1
            if self.started > 1:
                assert self.going_on.wait(60)
                return super().run(inputs, outputs)
            raise LookupError("broken")

    engine = Broken()
    streams = BatchStreams(engine, 1)
    with pytest.raises(LookupError, match="broken"):
        embed(streams, [make_batch()] * 5)
    engine.going_on.set()
    streams._threads.shutdown()
    assert engine.started <= 2  # that which failed, and one that had begun


def test_openvino_divides_its_threads_among_the_streams(tiny_model: Path) -> None:
    pytest.importorskip("openvino")
    streams: Any = load_engine("openvino", tiny_model, streams=2)
    assert streams._engine._compiled.get_property("NUM_STREAMS") == 2


def test_a_function_of_tensorflow_is_made_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []
    select = TensorFlowEngine._select_outputs

    def count(engine: TensorFlowEngine, names: tuple[str, ...]) -> Any:
        made.append(names)
        return select(engine, names)

    monkeypatch.setattr(TensorFlowEngine, "_select_outputs", count)
    streams = load_engine("tensorflow", tiny_model, streams=4)
    assert isinstance(streams, BatchStreams)
    inputs = make_inputs(TINY, [20, 11, 2])
    for future in [streams.start(inputs, ["pooled_output"]) for _ in range(8)]:
        future.result()
    assert made == [("pooled_output",)]


def test_run_inference_hands_as_many_over_as_there_are_streams(tiny_model: Path, engine_name: EngineName) -> None:
    batches = [make_batch([[2, 5 + number, 3]]) for number in range(7)]
    model, embeddings = str(tiny_model), ("pooled", "mean")
    handler = AlbertModelHandler(model, embeddings=embeddings, engine=engine_name, streams=3)
    hosted = pickler.loads(pickler.dumps(LoadOnDemand(handler)))
    assert hosted.should_skip_batching() is False
    assert hosted.batch_elements_kwargs() == {"min_batch_size": 3, "max_batch_size": 3}
    alone = AlbertModelHandler(model, embeddings=embeddings, engine=engine_name)
    assert alone.should_skip_batching() is True
    results: list[Any] = list(alone.run_inference(batches, alone.load_model()))
    expected = [row for result in results for row in result.to_pylist()]

    def check(results: list[pa.RecordBatch]) -> None:
        found = [row for result in results for row in result.to_pylist()]
        assert [row["input_ids"] for row in found] == [row["input_ids"] for row in expected]
        for name in ("pooled_output", "mean_output"):
            np.testing.assert_allclose([row[name] for row in found], [row[name] for row in expected], atol=1e-6, rtol=0)

    with beam.Pipeline() as pipeline:
        assert_that(pipeline | beam.Create(batches, reshuffle=False) | RunInference(hosted), check)


def test_less_than_one_stream_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^streams must be at least 1, not 0$"):
        AlbertModelHandler("model", streams=0)
