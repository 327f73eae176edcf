"""The short run of the model, with an engine whose speed is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import SimpleNamespace

import numpy as np
import pytest

from albert_embed.model.engines.engine import RowError
from albert_embed.model.streams.batch_streams import BatchStreams
from albert_embed.pipeline.analysis import timing
from albert_embed.pipeline.analysis.timing import _spread, make_batch, time_model
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.transforms.rows.batch_forecast import forecast_batches
from albert_embed.transforms.rows.token_batches import TokenBatchConfig

MICROSECONDS_PER_TOKEN = 20


class SlowEngine:
    """Takes its time, by the padded token and the square of the length, on a clock that only it moves."""

    name = "slow"

    def __init__(self) -> None:
        self.now = 0.0
        self.shapes: list[tuple[int, ...]] = []

    def seconds(self, rows: int, length: int) -> float:
        return 1e-6 * MICROSECONDS_PER_TOKEN * rows * length * (1 + length / 128)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        shape = inputs["input_ids"].shape
        self.shapes.append(shape)
        self.now += self.seconds(*shape)
        widths = {"sequence_output": (*shape, 4), "pooled_output": (shape[0], 4), "mean_output": (shape[0], 4)}
        return {name: np.zeros(widths[name], np.float32) for name in outputs}


class BrokenEngine:
    name = "broken"

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        raise RowError("no such token")


def test_the_time_of_all_batches_is_reckoned_from_a_few_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    histogram = np.zeros(129, np.int64)
    histogram[2:129] = np.arange(127, 0, -1)
    forecast = forecast_batches(
        histogram, TokenBatchConfig(batch_tokens=512, max_tokens=128), row_bytes=0, token_bytes=8
    )
    engine = SlowEngine()
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: engine.now))
    schema = RowSchema(embeddings=("mean_output",), hidden_size=4)
    found = time_model(
        BatchStreams(engine, 1), forecast, embeddings=("mean",), schema=schema, vocabulary_size=400, pair=False
    )
    shapes = list(zip(forecast.rows.tolist(), forecast.lengths.tolist(), strict=True))
    really = sum(engine.seconds(*shape) for shape in shapes)
    assert found.timed_batches == 12 and len(engine.shapes) == 13
    assert found.timed_seconds < really / 10
    assert found.batch_seconds == pytest.approx(really, rel=0.05)
    assert set(engine.shapes[1:]) <= set(shapes)


def test_a_model_that_fails_is_told() -> None:
    forecast = forecast_batches(
        np.array([0, 0, 3]), TokenBatchConfig(batch_tokens=4, max_tokens=4), row_bytes=0, token_bytes=8
    )
    schema = RowSchema(embeddings=("pooled_output",), hidden_size=4)
    with pytest.raises(RuntimeError, match="there is no plan, because the model fails on random tokens"):
        time_model(
            BatchStreams(BrokenEngine(), 1),
            forecast,
            embeddings=("pooled",),
            schema=schema,
            vocabulary_size=9,
            pair=True,
        )


def test_what_is_timed_first_is_spread_over_all() -> None:
    assert _spread(1) == [0]
    assert _spread(2) == [0, 1]
    for parts in (3, 7, 12):
        assert sorted(_spread(parts)) == list(range(parts))
    assert _spread(12)[:3] == [0, 11, 6]


def test_a_batch_is_as_it_comes_to_the_model() -> None:
    batch = make_batch(np.arange(6).reshape(2, 3), pair=True)
    assert batch.column("input_ids").to_pylist() == [[0, 1, 2], [3, 4, 5]]
    assert batch.column("segment_ids").to_pylist() == [[0, 0, 0], [0, 0, 0]]
