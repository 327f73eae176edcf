"""Counts as data of the pipeline."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.metrics import BundleCounts, add_counts


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    metrics.forget_counts()


def test_what_is_taken_is_counted_once() -> None:
    assert metrics.take_counts() is None
    metrics.increment(metrics.ROWS, 3)
    metrics.count_worker("a GPU", 2)
    metrics.count_worker("a GPU", 1)
    taken = metrics.take_counts()
    assert taken == BundleCounts(counts={"rows": 3}, workers={"a GPU": 3})
    assert pickle.loads(pickle.dumps(taken)) == taken
    assert metrics.take_counts() is None


def test_a_bundle_that_failed_is_forgotten() -> None:
    metrics.increment(metrics.ROWS, 3)
    metrics.count_worker("a GPU", 3)
    metrics.forget_counts()
    assert metrics.take_counts() is None


def test_bundles_of_other_threads_have_their_own() -> None:
    metrics.count_worker("a GPU", 3)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(metrics.take_counts).result() is None


def test_counts_of_bundles_are_added_up() -> None:
    parts = [
        BundleCounts(counts={"rows": 1, "batches": 1}, workers={"slow": 1}),
        BundleCounts(counts={"rows": 5}, workers={"fast": 4, "slow": 1}),
    ]
    total = add_counts(parts)
    assert list(total.counts.items()) == [("batches", 1), ("rows", 6)]
    assert list(total.workers.items()) == [("fast", 4), ("slow", 2)]
    assert add_counts([]) == BundleCounts()
