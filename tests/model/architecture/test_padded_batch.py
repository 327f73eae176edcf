"""Rows of different lengths to padded matrices, and flat values to lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.model.architecture.padded_batch import float_lists, mean_of_real_tokens, pad_batch
from albert_embed.transforms.rows.list_lengths import list_lengths

ROWS = [[2, 9, 3], [2, 3], [2, 5, 6, 7, 3]]
SEGMENTS = [[0, 0, 1], [0, 1], [0, 0, 1, 1, 1]]


def make_batch(*, segments: bool = True) -> pa.RecordBatch:
    columns = {"input_ids": pa.array(ROWS, pa.large_list(pa.int64()))}
    if segments:
        columns["segment_ids"] = pa.array(SEGMENTS, pa.large_list(pa.int64()))
    return pa.RecordBatch.from_pydict(columns)


def test_rows_are_padded_to_the_longest() -> None:
    inputs = pad_batch(make_batch())
    assert {name: (value.dtype, value.tolist()) for name, value in inputs.items()} == {
        "input_ids": (np.dtype(np.int32), [[2, 9, 3, 0, 0], [2, 3, 0, 0, 0], [2, 5, 6, 7, 3]]),
        "input_mask": (np.dtype(np.int32), [[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]]),
        "segment_ids": (np.dtype(np.int32), [[0, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 1]]),
    }


def test_a_single_text_is_all_segment_0() -> None:
    assert pad_batch(make_batch(segments=False))["segment_ids"].tolist() == [[0] * 5] * 3


def test_a_slice_is_padded_to_its_own_longest() -> None:
    inputs = pad_batch(make_batch().slice(1, 1))
    assert inputs["input_ids"].tolist() == [[2, 3]]
    assert inputs["segment_ids"].tolist() == [[0, 1]]
    assert pad_batch(make_batch().slice(2))["input_ids"].tolist() == [[2, 5, 6, 7, 3]]


def test_lengths_of_lists() -> None:
    column = make_batch().column("input_ids")
    assert list_lengths(column).tolist() == [3, 2, 5]
    assert list_lengths(column.slice(1)).tolist() == [2, 5]
    assert list_lengths(column.slice(3)).tolist() == []


def test_flat_values_become_lists() -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    column = float_lists(values, np.array([4, 0, 2]))
    assert column.type == pa.large_list(pa.float32())
    assert column.to_pylist() == [[0, 1, 2, 3], [], [4, 5]]


def test_the_mean_takes_real_tokens_only_and_sums_in_float64() -> None:
    generator = np.random.default_rng(0)
    sequence = (generator.standard_normal((5, 300, 7)) * 10.0 ** generator.integers(-4, 5, (5, 300, 7))).astype(
        np.float32
    )
    mask = np.arange(300) < np.array([1, 2, 299, 300, 77])[:, np.newaxis]
    expected = [row[real].sum(axis=0, dtype=np.float64) / real.sum() for row, real in zip(sequence, mask, strict=True)]
    sequence[~mask] = np.nan
    found = mean_of_real_tokens(sequence, mask.astype(np.int32))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(expected).astype(np.float32))
