"""Batches that are begun and finished later give what they give at once: rows, counts and failures."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam import coders

from albert_embed.model.engines.compilations import compilations
from albert_embed.model.hosting.embed_batch import embed_batch
from albert_embed.model.streams.batch_streams import BatchStreams
from albert_embed.model.streams.started_batch import StartedBatch, finish_batch, start_batch
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure
from tests.model.fake_engine import FakeEngine
from tests.model.hosting.test_embed_batch import make_batch
from tests.model.streams.meeting import MeetingEngine

EMBEDDINGS = ("pooled", "mean")
BATCHES = [
    make_batch([[2, 9, 3]]),
    make_batch([[2, 5, 6, 7, 3], [2, 4, 4, 3]]),
    make_batch([[2, 8, 3], [2, 3]]),
]


def embed_one_by_one(engine: Any) -> list[pa.RecordBatch | Failure]:
    return [result for batch in BATCHES for result in embed_batch(batch, engine, EMBEDDINGS)]


def embed_at_once(streams: BatchStreams) -> list[pa.RecordBatch | Failure]:
    started = [start_batch(batch, streams, EMBEDDINGS) for batch in BATCHES]
    return [result for one in started for result in finish_batch(one)]


def test_batches_are_computed_at_once_and_stay_in_their_order() -> None:
    assert embed_at_once(BatchStreams(MeetingEngine(3), 3)) == embed_one_by_one(FakeEngine())


def test_counts_are_those_of_the_thread_that_finishes() -> None:
    def count(results: Any, engine: Any) -> metrics.BundleCounts:
        metrics.forget_counts()
        compilations.take()  # of the tests before
        results(engine)
        taken = metrics.take_counts()
        assert taken is not None and taken.counts.pop("inference_msecs") >= 0
        return taken

    one_by_one = count(embed_one_by_one, FakeEngine())
    assert one_by_one.counts == {"batches": 3, "padded_tokens": 3 + 10 + 6, "rows": 5, "tokens": 3 + 9 + 5}
    assert list(one_by_one.workers.values()) == [5]
    assert count(embed_at_once, BatchStreams(FakeEngine(), 2)) == one_by_one


@pytest.mark.parametrize("options", [{"most_rows": 1}, {"bad_token": 7}, {"too_long": 4}, {"nan_token": 8}])
def test_what_fails_is_what_fails_one_by_one(options: dict[str, int]) -> None:
    assert embed_at_once(BatchStreams(FakeEngine(**options), 2)) == embed_one_by_one(FakeEngine(**options))


@pytest.mark.parametrize(("embeddings", "vectors"), [(("pooled",), 2), (EMBEDDINGS, 4), (("pooled", "sequence"), 14)])
def test_vectors_are_those_that_are_held(embeddings: tuple[str, ...], vectors: int) -> None:
    started = start_batch(BATCHES[1], BatchStreams(FakeEngine(), 1), embeddings)
    assert started.vectors == vectors
    assert all(isinstance(result, pa.RecordBatch) for result in finish_batch(started))


def test_it_is_never_sent_and_has_a_size() -> None:
    started = start_batch(BATCHES[0], BatchStreams(FakeEngine(), 1), EMBEDDINGS)
    coder = coders.registry.get_coder(StartedBatch)
    assert coder.estimate_size(started) == BATCHES[0].nbytes
    with pytest.raises(TypeError, match=r"^a batch that the model has begun can't leave its process; "):
        coder.encode(started)

    pipeline = beam.Pipeline()
    begun = pipeline | beam.Create([None]) | beam.Map(_start).with_output_types(StartedBatch)
    _ = begun | beam.Reshuffle()
    with pytest.raises(TypeError, match=r"a batch that the model has begun can't leave its process; "):
        pipeline.run()


def _start(_: None) -> StartedBatch:
    return start_batch(BATCHES[0], BatchStreams(FakeEngine(), 1), EMBEDDINGS)
