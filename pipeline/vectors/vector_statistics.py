"""Describes vectors: lengths, cosines of random pairs, near duplicates and neighbours."""

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
    """

    norms: npt.NDArray[np.float32]
    mean_cosine: float
    cosine_quantiles: tuple[float, float, float]
    near_duplicates: int
    duplicate_examples: list[Pair]
    neighbours: list[list[Pair]]


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
    return VectorStatistics(
        norms=norms.astype(np.float32),
        mean_cosine=float(pairs.mean(dtype=np.float64)),
        cosine_quantiles=tuple(np.quantile(pairs, [0.05, 0.5, 0.95]).tolist()),
        near_duplicates=len(alike),
        duplicate_examples=[_pair(first[at], second[at], pairs[at]) for at in examples],
        neighbours=[find_neighbours(cosines, row) for row in spread(len(vectors), _DOCUMENTS_WITH_NEIGHBOURS)],
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
