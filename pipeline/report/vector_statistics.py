"""Describes vectors: lengths, cosines of random pairs, near duplicates, neighbours, and a map."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

# Vectors whose cosine is above this are assumed to be of the same text, except for a word or two.
NEAR_DUPLICATE_COSINE = 0.995
_MAX_PAIRS_SHOWN = 10
_NEIGHBOURS = 4
_DOCUMENTS_WITH_NEIGHBOURS = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    """Two rows of a sample, and their similarity."""

    first: int
    second: int
    cosine: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorStatistics:
    """Statistics of the vectors of a sample.

    Attributes:
      norms: `[sample]` float32, their lengths.
      mean_cosine: of pairs of different rows: 0 where vectors point everywhere, near 1 where all point the same way
        (anisotropy: Ethayarajh 2019, "How Contextual are Contextualized Word Representations?").
      cosine_quantiles: the 5, 50 and 95 per cent quantiles of those cosines.
      near_duplicates: how many pairs are above `NEAR_DUPLICATE_COSINE`.
      duplicate_examples: some of them, the most similar first.
      neighbours: for some rows the most similar others, best first.
      map: `[sample, 2]` float32, the first two principal components.
      map_variance: the share of the variance that each of the two holds.
    """

    norms: npt.NDArray[np.float32]
    mean_cosine: float
    cosine_quantiles: tuple[float, float, float]
    near_duplicates: int
    duplicate_examples: list[Pair]
    neighbours: list[list[Pair]]
    map: npt.NDArray[np.float32]
    map_variance: tuple[float, float]


def describe_vectors(vectors: npt.NDArray[np.float32]) -> VectorStatistics:
    """Describes the vectors of a sample.

    Args:
      vectors: `[sample, hidden]`, at least two. All pairs are compared, so at most a few thousand.
    """
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
    unit = (vectors / np.where(norms > 0, norms, 1)[:, np.newaxis]).astype(np.float32)
    cosines = unit @ unit.T
    first, second = np.triu_indices(len(vectors), k=1)
    pairs = cosines[first, second]
    alike = np.flatnonzero(pairs > NEAR_DUPLICATE_COSINE)
    examples = alike[np.argsort(-pairs[alike], kind="stable")][:_MAX_PAIRS_SHOWN]
    coordinates, variance = project(vectors)
    return VectorStatistics(
        norms=norms.astype(np.float32),
        mean_cosine=float(pairs.mean(dtype=np.float64)),
        cosine_quantiles=tuple(np.quantile(pairs, [0.05, 0.5, 0.95]).tolist()),
        near_duplicates=len(alike),
        duplicate_examples=[_pair(first[at], second[at], pairs[at]) for at in examples],
        neighbours=[find_neighbours(cosines, row) for row in spread(len(vectors), _DOCUMENTS_WITH_NEIGHBOURS)],
        map=coordinates,
        map_variance=variance,
    )


def _pair(first: np.int64, second: np.int64, cosine: np.float32) -> Pair:
    return Pair(first=int(first), second=int(second), cosine=float(cosine))


def spread(count: int, wanted: int) -> list[int]:
    """Returns at most `wanted` numbers from 0 to `count` - 1, evenly spread."""
    return sorted({int(number) for number in np.linspace(0, count - 1, min(count, wanted))})


def find_neighbours(cosines: npt.NDArray[np.float32], row: int) -> list[Pair]:
    """Finds the other rows that are most similar to one, best first."""
    others = np.argsort(-cosines[row], kind="stable")
    others = others[others != row][:_NEIGHBOURS]
    return [Pair(first=row, second=int(other), cosine=float(cosines[row, other])) for other in others]


def project(vectors: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], tuple[float, float]]:
    """Returns the first two principal components `[sample, 2]` float32, and the share of the variance of each.

    The sign of a component has no meaning. It is chosen so that the largest value is positive: the same vectors give
    the same map.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    rows, scales, _ = np.linalg.svd(centred, full_matrices=False)
    scores = np.zeros((len(vectors), 2))
    found = min(2, len(scales))
    scores[:, :found] = rows[:, :found] * scales[:found]
    for axis in range(found):
        if scores[np.abs(scores[:, axis]).argmax(), axis] < 0:
            scores[:, axis] *= -1
    total = float((scales**2).sum()) or 1.0
    shares = [float(scale**2) / total for scale in scales[:2]]
    return scores.astype(np.float32), (shares[0], shares[1] if len(shares) > 1 else 0.0)
