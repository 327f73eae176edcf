"""Measures how much of what exact search finds an index finds, too."""

from __future__ import annotations

import numpy as np

from albert_embed.pipeline.nearest.vector_index import VectorIndex

SAMPLE = 100
_NEIGHBOURS = 10
_SEED = 0
# Scores that differ by less are of rows that resemble the query equally.
_EQUAL = 1e-5


def measure_recall(index: VectorIndex) -> tuple[float | None, int]:
    """Looks for the ten nearest rows of some rows of an index, each without itself, by the index and exactly.

    The sample is the same for the same rows. A row that resembles the query as much as the tenth of the exact result
    does counts as found, so that copies of a text do not count as misses.

    Args:
      index: which holds what the dataset stores, so that comparing all of it is an exact search.

    Returns:
      The mean share that was found, and the size of the sample; None and 0 where there are fewer than two rows.
    """
    places = index.list_places()
    if len(places) < 2:
        return None, 0
    chosen = np.random.default_rng(_SEED).choice(len(places), min(SAMPLE, len(places)), replace=False)
    sample = places[np.sort(chosen)]
    queries = index.get(sample)
    exact = index.find(queries, _NEIGHBOURS + 1, exactly=True)
    found = index.find(queries, _NEIGHBOURS + 1)
    shares = []
    for place, query, wanted, near in zip(sample, queries, exact, found, strict=True):
        wanted_scores = _score(index, query, wanted[wanted != place][:_NEIGHBOURS])
        near_scores = _score(index, query, near[near != place][:_NEIGHBOURS])
        least = wanted_scores.min() - _EQUAL * max(1.0, float(np.abs(wanted_scores).max()))
        shares.append(min(1.0, np.count_nonzero(near_scores >= least) / len(wanted_scores)))
    return round(float(np.mean(shares)), 4), len(sample)


def _score(index: VectorIndex, query: np.ndarray, places: np.ndarray) -> np.ndarray:
    vectors = index.get(places).astype(np.float64)
    scores: np.ndarray = vectors @ query.astype(np.float64)
    if index.settings.metric == "dot":
        return scores
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query.astype(np.float64))
    cosines: np.ndarray = np.divide(scores, lengths, out=np.zeros_like(scores), where=lengths > 0)
    return cosines
