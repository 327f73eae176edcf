"""Exact search against a plain computation of all scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_embed.pipeline.nearest import find_nearest as module
from albert_embed.pipeline.nearest.find_nearest import choose_highest, find_nearest
from albert_embed.pipeline.nearest.vector_block import VectorBlock, measure_inverse_norms
from albert_embed.pipeline.search.vector_store import VectorStore


def make_blocks(vectors: np.ndarray, sizes: list[int]) -> Iterator[VectorBlock]:
    start = 0
    for size in sizes:
        part = vectors[start : start + size].astype(np.float32)
        ids = pa.array([f"row {row}".encode() for row in range(start, start + len(part))])
        rows = pa.RecordBatch.from_arrays([ids], names=["id"])
        yield VectorBlock(rows=rows, vectors=part, inverse_norms=measure_inverse_norms(part))
        start += size


def expected(vectors: np.ndarray, queries: np.ndarray, hits: int, metric: str) -> list[list[int]]:
    """Returns the row numbers by a full sort in float64."""
    vectors, queries = vectors.astype(np.float64), queries.astype(np.float64)
    if metric == "cosine":
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    return [np.argsort(-(vectors @ query), kind="stable")[:hits].tolist() for query in queries]


@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("max_scores", [1, 7, 1 << 20])
def test_the_rows_of_a_full_sort_are_found(metric: str, max_scores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_SCORES", max_scores)
    generator = np.random.default_rng(7)
    vectors = generator.normal(size=(203, 16))
    vectors[50] = 0  # like nothing
    queries = generator.normal(size=(3, 16)).astype(np.float32)
    found = find_nearest(make_blocks(vectors, [1, 100, 0, 102]), queries, hits=9, metric=metric)  # type: ignore[arg-type]
    assert [[hit.position for hit in hits] for hits in found] == expected(vectors, queries, 9, metric)
    for hits in found:
        assert [hit.row["id"] for hit in hits] == [f"row {hit.position}".encode() for hit in hits]
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
    if metric == "cosine":
        row = found[0][0].position
        cosine = vectors[row] @ queries[0] / np.linalg.norm(vectors[row]) / np.linalg.norm(queries[0])
        assert found[0][0].score == pytest.approx(cosine, abs=1e-6)


@pytest.mark.parametrize(("together", "blocks"), [(1, [15, 20, 5]), (20, [35, 5]), (8192, [40])])
def test_a_store_gives_the_same_again_and_again(
    together: int, blocks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albert_embed.pipeline.search.vector_store._ROWS_TOGETHER", together)
    vectors = np.random.default_rng(3).normal(size=(40, 8))
    queries = vectors[[4, 30]].astype(np.float32)
    store = VectorStore(make_blocks(vectors, [15, 20, 5]))
    assert [len(block.vectors) for block in store.blocks()] == blocks
    once = find_nearest(make_blocks(vectors, [15, 25]), queries, hits=5, metric="cosine")
    for _ in range(2):
        assert find_nearest(store.blocks(), queries, hits=5, metric="cosine") == once
    assert len(store) == 40 and [hits[0].position for hits in once] == [4, 30]
    store.close()


def test_fewer_rows_than_hits_and_none_at_all() -> None:
    vectors = np.eye(3)
    found = find_nearest(make_blocks(vectors, [3]), np.ones((1, 3), np.float32), hits=10, metric="dot")
    assert [hit.position for hit in found[0]] == [0, 1, 2]
    assert find_nearest([], np.ones((2, 3), np.float32), hits=1, metric="dot") == [[], []]
    empty = VectorStore([])
    assert len(empty) == 0 and list(empty.blocks()) == []
    empty.close()


@given(st.lists(st.integers(-3, 3), max_size=30), st.integers(1, 8))
def test_of_equal_scores_the_first_wins(scores: list[int], count: int) -> None:
    chosen = choose_highest(np.array(scores, np.float32), count)
    assert chosen.tolist() == sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:count]
