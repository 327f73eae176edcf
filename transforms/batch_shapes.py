"""Chooses a few lengths to pad rows to, with the least padding, for programs that are compiled for each shape."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

_IMPOSSIBLE = np.iinfo(np.int64).max // 2  # two of them still fit


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchShapes:
    """Lengths that rows are padded to.

    Attributes:
      lengths: ascending; a row is padded to the first that holds it.
      rows: how many rows are padded to each.
      tokens: real tokens of all rows.
      padded_tokens: padded tokens of all rows.
    """

    lengths: tuple[int, ...]
    rows: tuple[int, ...]
    tokens: int
    padded_tokens: int

    @property
    def fill(self) -> float | None:
        """Real tokens over padded ones; None where there are no rows."""
        return self.tokens / self.padded_tokens if self.padded_tokens else None


def choose_batch_shapes(histogram: npt.NDArray[np.int64], count: int) -> BatchShapes:
    """Chooses at most `count` lengths so that the rows are padded as little as possible.

    Dynamic programming over the lengths that occur: the best k shapes for the rows up to a length are the best k - 1
    shapes for the rows up to some smaller length, and the length itself for the rest. There are never more shapes than
    lengths that occur.

    Args:
      histogram: `[longest + 1]` int64, how many rows have each length.
      count: of shapes, at least 1.

    Raises:
      ValueError: if `count` is less than 1.
    """
    if count < 1:
        raise ValueError(f"at least one batch shape is needed, not {count}")
    lengths = np.flatnonzero(histogram)
    if not lengths.size:
        return BatchShapes(lengths=(), rows=(), tokens=0, padded_tokens=0)
    rows_up_to = np.concatenate([[0], np.cumsum(histogram[lengths])]).astype(np.int64)
    # cost[i, j]: padded tokens of the lengths i … j - 1 if all are padded to the last of them.
    cost = (rows_up_to[np.newaxis, 1:] - rows_up_to[:-1, np.newaxis]) * lengths[np.newaxis, :]
    size = lengths.size
    cost = np.where(np.tri(size, k=-1, dtype=bool), _IMPOSSIBLE, cost)
    best = cost[0]  # with one shape
    choices: list[npt.NDArray[np.int64]] = []
    while len(choices) + 1 < min(count, size):
        # The rows before i use one shape fewer, those from i on the last shape.
        total = best[:-1, np.newaxis] + cost[1:, :]
        first = np.argmin(total, axis=0)
        choices.append(first + 1)
        best = np.minimum(total[first, np.arange(size)], _IMPOSSIBLE)
    ends = [size]
    for first in reversed(choices):
        ends.append(int(first[ends[-1] - 1]))
    ends.reverse()
    chosen = np.array(ends)
    return BatchShapes(
        lengths=tuple(lengths[chosen - 1].tolist()),
        rows=tuple(np.diff(rows_up_to[np.concatenate([[0], chosen])]).tolist()),
        tokens=int(histogram @ np.arange(histogram.size)),
        padded_tokens=int(best[-1]),
    )
