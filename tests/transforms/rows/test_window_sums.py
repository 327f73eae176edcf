"""`WindowSums`: the same mean whatever the order, the partition and the repetitions."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_embed.transforms.rows.window_sums import WindowMean, WindowSums

HIDDEN = 5


def make_windows(count: int, *, seed: int = 0) -> list[WindowMean]:
    generator = np.random.default_rng(seed)
    return [
        WindowMean(
            b"h" * 16,
            window,
            count,
            int(generator.integers(2, 512)),
            generator.standard_normal(HIDDEN).astype(np.float32),
            ("title", 7) if window == 0 else None,
        )
        for window in range(count)
    ]


def add_all(windows: list[WindowMean]) -> WindowSums:
    sums = WindowSums(windows[0].window_count)
    for window in windows:
        sums.add(window)
    return sums


def expected_mean(windows: list[WindowMean]) -> np.ndarray:
    return np.average([w.mean.astype(np.float64) for w in windows], axis=0, weights=[w.tokens for w in windows])


def merge_in_parts(windows: list[WindowMean], shuffle: random.Random) -> WindowSums:
    """Returns the windows in bundles of random sizes, each added up, pickled and merged pairwise in random order."""
    parts: list[WindowSums] = []
    while windows:
        cut = shuffle.randint(1, len(windows))
        parts.append(pickle.loads(pickle.dumps(add_all(windows[:cut]))))
        windows = windows[cut:]
    while len(parts) > 1:
        taken = parts.pop(shuffle.randrange(len(parts)))
        parts[shuffle.randrange(len(parts))].merge(taken)
    return parts[0]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 9, 31, 64, 100])
def test_the_mean_does_not_depend_on_the_order_by_a_single_bit(count: int) -> None:
    windows = make_windows(count)
    whole = add_all(windows)
    assert whole.complete and whole.windows == list(range(count)) and whole.kept == ("title", 7)
    assert whole.tokens == sum(window.tokens for window in windows)
    np.testing.assert_allclose(whole.mean(), expected_mean(windows), rtol=1e-12, atol=1e-15)
    for seed in range(20):
        shuffle = random.Random(seed)
        shuffled = shuffle.sample(windows, count)
        merged = merge_in_parts(shuffled, shuffle)
        assert (merged.mean() == whole.mean()).all()
        assert merged.complete and merged.tokens == whole.tokens and merged.kept == whole.kept


@pytest.mark.parametrize("count", [1, 3, 8, 21])
def test_windows_seen_more_than_once_count_once(count: int) -> None:
    """However they are bundled: two bundles with the same window in each are the hard case."""
    windows = make_windows(count)
    whole = add_all(windows)
    for seed in range(50):
        shuffle = random.Random(seed)
        again = windows + shuffle.choices(windows, k=2 * count)
        shuffle.shuffle(again)
        merged = merge_in_parts(again, shuffle)
        assert (merged.mean() == whole.mean()).all()
        assert merged.complete and merged.tokens == whole.tokens


def test_what_is_missing_is_known() -> None:
    windows = make_windows(11)
    sums = add_all([windows[window] for window in (9, 1, 2, 4, 3, 10)])
    assert not sums.complete and sums.windows == [1, 2, 3, 4, 9, 10] and sums.kept is None
    np.testing.assert_allclose(sums.mean(), expected_mean([windows[w] for w in sums.windows]), rtol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 1000, 4095])
def test_a_whole_document_is_one_sum_and_a_part_of_it_few(count: int) -> None:
    windows = make_windows(count)
    assert len(add_all(windows)._spans) == 1
    assert len(add_all(windows[: count // 2 + 1])._spans) <= count.bit_length()


def test_an_equal_number_of_tokens_gives_the_plain_mean() -> None:
    means = np.array([[1, 2], [3, -2], [8, 0]], np.float32)
    sums = WindowSums(3)
    for window, mean in enumerate(means):
        sums.add(WindowMean(b"", window, 3, 10, mean, None))
    assert sums.mean().tolist() == [4, 0]


def test_the_windows_are_not_changed_and_not_held() -> None:
    (window,) = make_windows(1)
    before = window.mean.copy()
    sums = add_all([window])
    window.mean[:] = 0
    np.testing.assert_allclose(sums.mean(), before)


@st.composite
def draw_bundles(draw: st.DrawFn) -> tuple[int, list[list[int]]]:
    """How many windows a document has, and bundles that each hold some of them, some more than once."""
    count = draw(st.integers(1, 40))
    window = st.integers(0, count - 1)
    bundles = draw(st.lists(st.lists(window, max_size=20), min_size=1, max_size=8))
    if draw(st.booleans()):
        bundles.insert(draw(st.integers(0, len(bundles))), draw(st.permutations(range(count))))
    return count, bundles


@given(drawn=draw_bundles(), seed=st.integers(0, 2**32 - 1))
def test_any_bundles_give_the_sum_of_what_they_hold(drawn: tuple[int, list[list[int]]], seed: int) -> None:
    """Whole numbers add up exactly, so that the expected mean is known to the last bit."""
    count, bundles = drawn
    generator = np.random.default_rng(seed)
    tokens = generator.integers(1, 513, count)
    means = generator.integers(-1000, 1000, (count, HIDDEN)).astype(np.float32)
    total = WindowSums(count)
    for bundle in bundles:
        part = WindowSums(count)
        for window in bundle:
            kept = ("title", 7) if window == 0 else None
            part.add(WindowMean(b"h" * 16, window, count, int(tokens[window]), means[window], kept))
        total.merge(pickle.loads(pickle.dumps(part)))
    seen = sorted({window for bundle in bundles for window in bundle})
    assert total.windows == seen
    assert total.complete == (len(seen) == count)
    assert total.kept == (("title", 7) if 0 in seen else None)
    if seen:
        assert total.tokens == tokens[seen].sum()
        expected = (means[seen].astype(np.float64) * tokens[seen, np.newaxis]).sum(axis=0) / tokens[seen].sum()
        assert total.mean().tolist() == expected.tolist()
