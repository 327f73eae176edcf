"""Exact search: the rows with the highest scores, by blocked matrix products."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from albert_embed.pipeline.nearest.vector_block import VectorBlock
from albert_embed.pipeline.settings.search_options import Metric

# Maximum scores in memory at a time: 64 MB in float32.
_MAX_SCORES = 16 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hit:
    """A row that was found.

    Attributes:
      score: the cosine or the inner product of its vector and the query's.
      position: a number in the order of the rows: from 0 where all are compared, else `nearest.row_places`.
      row: its columns in the dataset, `id` and others, as plain values.
    """

    score: float
    position: int
    row: dict[str, Any]


def find_nearest(
    blocks: Iterable[VectorBlock], queries: npt.NDArray[np.float32], *, hits: int, metric: Metric
) -> list[list[Hit]]:
    """Finds the rows whose vectors have the highest scores with each query.

    Every row is compared, a block at a time. Of rows with equal scores, the first wins.

    Args:
      blocks: the rows, each once.
      queries: `[queries, hidden]` float32.
      hits: how many to find for each.
      metric: `cosine` or `dot`.

    Returns:
      The hits of each query, best first; fewer where there are fewer rows.
    """
    if metric == "cosine":
        norms = np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)
        queries = (queries / np.where(norms > 0, norms, 1)).astype(np.float32)
    best: list[list[Hit]] = [[] for _ in queries]
    first = 0
    for block in blocks:
        step = max(1, _MAX_SCORES // max(1, len(queries)))
        for start in range(0, len(block.vectors), step):
            scores = queries @ block.vectors[start : start + step].T
            if metric == "cosine":
                scores *= block.inverse_norms[start : start + step]
            for number, row_scores in enumerate(scores):
                best[number] = _merge(best[number], row_scores, block, start, first + start, hits)
        first += len(block.vectors)
    return best


def _merge(
    best: list[Hit], scores: npt.NDArray[np.float32], block: VectorBlock, start: int, first: int, hits: int
) -> list[Hit]:
    """Merges the best rows found so far with some rows of a block.

    Args:
      best: those found so far, best first.
      scores: `[rows]`, of rows that come after all of those.
      block: holds the rows, from `start` on.
      start: position of the first row in the block.
      first: position of the first row in the dataset.
      hits: how many to keep.
    """
    bound = best[-1].score if len(best) == hits else -np.inf
    rows = choose_highest(scores, hits)
    found = [
        Hit(
            score=float(scores[row]),
            position=first + row,
            row=block.rows.slice(start + row, 1).to_pylist()[0],
        )
        for row in rows.tolist()
        if scores[row] > bound
    ]
    return sorted([*best, *found], key=lambda hit: (-hit.score, hit.position))[:hits]


def choose_highest(scores: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Returns the positions of the `count` highest scores, highest first, and of equal ones the first.

    Args:
      scores: `[rows]`, none of them NaN.
    """
    if len(scores) > count:
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        candidates = np.flatnonzero(scores >= least)
    else:
        candidates = np.arange(len(scores))
    return candidates[np.argsort(-scores[candidates], kind="stable")][:count]
