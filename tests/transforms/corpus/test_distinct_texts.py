"""The sketch that counts distinct texts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.transforms.corpus.corpus_statistics import SKETCH_SIZE
from albert_embed.transforms.corpus.distinct_texts import (
    _EstimateDistinct,
    _MakeSketches,
    _MergeSketches,
    estimate_distinct,
    fingerprint_texts,
    merge_sketches,
)


def sketch_of(texts: list[str]) -> np.ndarray:
    return merge_sketches([fingerprint_texts([tf.constant(texts, tf.string)]).numpy()])


def test_few_texts_are_counted_exactly() -> None:
    texts = [f"text {number % 700}" for number in range(5000)]
    assert estimate_distinct(sketch_of(texts)) == 700
    assert estimate_distinct(sketch_of([])) == 0
    assert estimate_distinct(sketch_of([f"{number}" for number in range(SKETCH_SIZE - 1)])) == SKETCH_SIZE - 1


@pytest.mark.parametrize("distinct", [SKETCH_SIZE, 20_000, 100_000, 400_000])
def test_many_texts_are_counted_to_two_per_cent(distinct: int) -> None:
    sketch = sketch_of([f"document number {number}" for number in range(distinct)])
    assert len(sketch) == SKETCH_SIZE
    assert estimate_distinct(sketch) == pytest.approx(distinct, rel=0.02)


def test_a_full_sketch_is_never_fewer_texts_than_it_holds() -> None:
    """What is below `SKETCH_SIZE` is said to be exact; the fingerprints of so many texts may lie far apart."""
    last = 2**63 - 1
    assert estimate_distinct(np.append(np.arange(SKETCH_SIZE - 1), last)) == SKETCH_SIZE


def test_sketches_of_parts_make_the_sketch_of_the_whole() -> None:
    texts = [f"document number {number}" for number in range(50_000)]
    parts = [sketch_of(texts[:20_000]), sketch_of(texts[10_000:]), sketch_of([])]
    np.testing.assert_array_equal(merge_sketches(parts), sketch_of(texts))


def test_pairs_differ_where_either_text_does() -> None:
    first, second = tf.constant(["a", "a", "b", "ab", "a"]), tf.constant(["b", "c", "a", "", "b"])
    assert len(set(fingerprint_texts([first, second]).numpy().tolist())) == 4


def test_steps_travel_to_workers_and_have_the_same_cache_key_in_every_process() -> None:
    for step in (_MakeSketches(), _MergeSketches(), _EstimateDistinct()):
        assert type(pickle.loads(pickle.dumps(step))) is type(step)
        assert repr(step) == f"{type(step).__name__}({SKETCH_SIZE})"
