"""The batches foretold from lengths are those that `TokenBuffer` cuts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from albert_embed.transforms.rows.batch_forecast import BatchForecast, forecast_batches
from albert_embed.transforms.rows.columns import INPUT_IDS
from albert_embed.transforms.rows.token_batches import TokenBatchConfig, TokenBuffer


def cut(lengths: np.ndarray, config: TokenBatchConfig) -> list[tuple[int, int]]:
    """Returns (rows, length) of the batches that rows of these lengths are really cut into."""
    buffer = TokenBuffer(config)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = pa.RecordBatch.from_pydict(
        {INPUT_IDS: pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(np.zeros(offsets[-1], np.int64)))}
    )
    found = []
    for batch in [*buffer.add(rows), *buffer.flush()]:
        sizes = batch.column(INPUT_IDS).value_lengths().to_numpy()
        found.append((batch.num_rows, int(sizes.max())))
    return found


def draw_lengths(count: int) -> np.ndarray:
    return np.minimum(np.random.default_rng(5).lognormal(3.4, 1.0, count).astype(np.int64) + 2, 512)


def forecast(lengths: np.ndarray, config: TokenBatchConfig) -> BatchForecast:
    return forecast_batches(np.bincount(lengths, minlength=513), config, row_bytes=8, token_bytes=8)


def test_what_fits_the_buffer_is_cut_exactly_as_foretold() -> None:
    lengths, config = draw_lengths(3000), TokenBatchConfig(batch_tokens=1024, max_tokens=512)
    found = forecast(lengths, config)
    assert list(zip(found.rows.tolist(), found.lengths.tolist(), strict=True)) == cut(lengths, config)
    assert (found.batch_count, found.real_tokens) == (len(found.rows), int(lengths.sum()))


@pytest.mark.parametrize("limits", [{"buffer_tokens": 20_000}, {"buffer_bytes": 100_000}])
def test_a_buffer_that_fills_many_times_is_foretold_to_one_per_cent(limits: dict[str, Any]) -> None:
    lengths, config = (
        draw_lengths(20_000),
        dataclasses.replace(TokenBatchConfig(batch_tokens=2048, max_tokens=512), **limits),
    )
    found, batches = forecast(lengths, config), cut(lengths, config)
    assert found.real_tokens == int(lengths.sum())
    assert found.padded_tokens == pytest.approx(sum(rows * length for rows, length in batches), rel=0.01)
    assert found.batch_count == pytest.approx(len(batches), rel=0.05)


def test_a_large_corpus_is_foretold_from_a_part_of_it() -> None:
    lengths, config = draw_lengths(40_000), TokenBatchConfig(batch_tokens=16384, max_tokens=512)
    histogram = np.bincount(lengths, minlength=513)
    small, large = forecast(lengths, config), forecast_batches(histogram * 1000, config, row_bytes=8, token_bytes=8)
    assert large.weight == pytest.approx(40_000_000 / (1 << 20), rel=1e-4)
    assert large.real_tokens == pytest.approx(1000 * small.real_tokens, rel=0.001)
    assert large.padded_tokens == pytest.approx(1000 * small.padded_tokens, rel=0.02)


def test_no_rows_no_batches() -> None:
    found = forecast(np.zeros(0, np.int64), TokenBatchConfig(batch_tokens=1024, max_tokens=512))
    assert (found.batch_count, found.real_tokens, found.padded_tokens) == (0, 0, 0)
