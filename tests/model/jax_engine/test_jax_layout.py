"""Where the JAX engine puts texts: every token once, in few shapes, each text within its shape's length."""

from __future__ import annotations

import numpy as np
import pytest

from albert_embed.model.jax_engine.layout import FlatLayout, PaddedLayout, Shape

TOKENS = 4096


def make_rows(seed: int, longest: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, longest + 1, count)
    ids = generator.integers(5, 400, (count, longest)) * (np.arange(longest) < lengths[:, np.newaxis])
    return ids, lengths


@pytest.mark.parametrize("layout", [FlatLayout(512, TOKENS), PaddedLayout(512, TOKENS)])
@pytest.mark.parametrize(("longest", "count"), [(1, 1), (8, 900), (64, 40), (65, 200), (200, 33), (512, 1), (512, 90)])
def test_every_token_is_laid_once_and_found_again(layout: FlatLayout | PaddedLayout, longest: int, count: int) -> None:
    ids, lengths = make_rows(longest, longest, count)
    segments = ids % 2
    laid: list[int] = []
    for batch in layout.lay(ids, segments, lengths):
        assert batch.tokens.shape == (3, batch.shape.rows * batch.shape.length)
        assert batch.tokens.shape[1] <= TOKENS
        for slot, text in enumerate(batch.texts.tolist()):
            length, start = int(lengths[text]), int(batch.starts[slot])
            assert batch.lengths[slot] == length <= batch.shape.length
            np.testing.assert_array_equal(batch.tokens[0, start : start + length], ids[text, :length])
            np.testing.assert_array_equal(batch.tokens[1, start : start + length], segments[text, :length])
            np.testing.assert_array_equal(batch.tokens[2, start : start + length], np.arange(length))
        laid += batch.texts.tolist()
    assert sorted(laid) == list(range(count))


@pytest.mark.parametrize(("longest", "count"), [(9, 700), (64, 40), (300, 50), (512, 3)])
def test_what_a_flat_shape_has_left_is_texts_of_nothing(longest: int, count: int) -> None:
    ids, lengths = make_rows(0, longest, count)
    for batch in FlatLayout(512, TOKENS).lay(ids, ids * 0, lengths):
        assert len(batch.lengths) == batch.shape.slots
        assert batch.lengths.sum() == batch.tokens.shape[1] == batch.starts[-1]
        np.testing.assert_array_equal(np.diff(batch.starts), batch.lengths)
        assert batch.lengths.max() <= batch.shape.length


def test_flat_texts_take_one_shape_for_each_doubling_of_the_length() -> None:
    layout = FlatLayout(512, TOKENS)
    found = {}
    for longest in (3, 64, 65, 128, 129, 300, 512):
        ids = np.ones((8, longest), np.int64)
        found[longest] = next(layout.lay(ids, ids, np.full(8, longest))).shape
    assert found == {
        3: Shape(8, 64, 64),
        64: Shape(8, 64, 64),
        65: Shape(8, 128, 32),
        128: Shape(8, 128, 32),
        129: Shape(16, 256, 64),
        300: Shape(8, 512, 32),
        512: Shape(8, 512, 32),
    }


def test_the_shapes_are_few() -> None:
    flat, padded = set(), set()
    for seed in range(60):
        ids, lengths = make_rows(seed, 1 + seed * 8, 1 + seed * 5)
        flat |= {batch.shape for batch in FlatLayout(512, TOKENS).lay(ids, ids, lengths)}
        padded |= {batch.shape for batch in PaddedLayout(512, TOKENS).lay(ids, ids, lengths)}
    assert len(flat) <= 4 * 3
    assert len(padded) <= 8 * 3


def test_rows_that_would_be_empty_take_shorter_texts() -> None:
    lengths = np.array([30] * 8 + [64] * 3)
    ids = np.arange(64) < lengths[:, np.newaxis]
    (first, second) = PaddedLayout(512, 1024).lay(ids, ids, lengths)
    assert (first.shape, first.texts.tolist()) == (Shape(4, 64, 0), [8, 9, 10, 0])
    assert (second.shape, second.texts.tolist()) == (Shape(8, 32, 0), [1, 2, 3, 4, 5, 6, 7])
