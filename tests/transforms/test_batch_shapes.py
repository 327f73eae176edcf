"""Batch shapes against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from albert_embed.transforms.batch_shapes import BatchShapes, choose_batch_shapes


def pad_to(histogram: np.ndarray, shapes: tuple[int, ...]) -> int:
    """Returns the padded tokens of the rows, each padded to the first shape that holds it."""
    return sum(
        int(rows) * min(shape for shape in shapes if shape >= length) for length, rows in enumerate(histogram) if rows
    )


@pytest.mark.parametrize("seed", range(20))
def test_no_other_choice_pads_less(seed: int) -> None:
    generator = np.random.default_rng(seed)
    histogram = generator.integers(0, 4, 13).astype(np.int64)
    histogram[12] = 1
    for count in (1, 2, 3, 4):
        shapes = choose_batch_shapes(histogram, count)
        least = min(
            pad_to(histogram, (*rest, 12)) for size in range(count) for rest in itertools.combinations(range(12), size)
        )
        assert shapes.padded_tokens == pad_to(histogram, shapes.lengths) == least
        assert len(shapes.lengths) <= count
        assert sum(shapes.rows) == histogram.sum()
        assert shapes.tokens == sum(length * rows for length, rows in enumerate(histogram))


def test_as_many_shapes_as_lengths_pad_nothing() -> None:
    histogram = np.zeros(513, np.int64)
    histogram[[3, 40, 512]] = [5, 2, 1]
    assert choose_batch_shapes(histogram, 8) == BatchShapes(
        lengths=(3, 40, 512), rows=(5, 2, 1), tokens=607, padded_tokens=607
    )


def test_512_lengths_and_huge_counts_are_no_trouble() -> None:
    histogram = np.full(513, 10**12, np.int64)
    histogram[:2] = 0
    shapes = choose_batch_shapes(histogram, 8)
    assert len(shapes.lengths) == 8 and shapes.lengths[-1] == 512
    assert shapes.padded_tokens == pad_to(histogram, shapes.lengths)
    assert 0.85 < (shapes.fill or 0) < 1


def test_without_rows_there_are_no_shapes() -> None:
    shapes = choose_batch_shapes(np.zeros(10, np.int64), 8)
    assert shapes == BatchShapes(lengths=(), rows=(), tokens=0, padded_tokens=0) and shapes.fill is None


def test_no_shape_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one batch shape is needed, not 0"):
        choose_batch_shapes(np.ones(3, np.int64), 0)
