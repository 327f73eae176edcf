"""How the JAX engine lays texts of any length into a few shapes that are compiled once each. NumPy only.

`FlatLayout` puts them one after the other without padding, `PaddedLayout` into padded rows. Both take the texts longest
first, and choose the smallest of their shapes that holds what is left, or the largest and another batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

# Tokens of the largest shape, and how many times smaller the others are: a batch that is left over fills one of them.
TOKENS = 32_768
_SHARES = (1, 4, 16)
# Steps of a padded row's length: finer ones would fill rows better and take a compilation each.
_PADDED_STEPS = (32, 64, 96, 128, 192, 256, 384)
# The lengths of flat shapes are this times powers of two, up to the model's longest.
_SHORTEST = 64
# The slots of a flat shape: for texts of a quarter of its length on average, of an eighth in the shortest. Every slot
# costs time, whether there is a text in it or not.
_TEXTS_PER_ROW = 4


class Shape(NamedTuple):
    """What is compiled: `rows · length` tokens, and no text longer than `length`; flat ones have `slots` for texts."""

    rows: int
    length: int
    slots: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaidBatch:
    """Texts in one of the shapes.

    Attributes:
      shape: which.
      texts: int64 `[texts]`, the rows of the padded batch that they come from; text `i` is in slot or row `i`.
      tokens: int32 `[3, rows · length]`: input ids, segment ids, positions; 0 where there is no token.
      starts: int32 `[slots + 1]`, as `model.jax_engine.attention.flat_attention` reads them; padded rows: `[rows + 1]`.
      lengths: int32 `[slots]` or `[rows]`.
    """

    shape: Shape
    texts: np.ndarray
    tokens: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


class FlatLayout:
    """Texts one after the other; `longest` is that of the model."""

    def __init__(self, longest: int, tokens: int = TOKENS) -> None:
        self._lengths = [_SHORTEST]
        while self._lengths[-1] < longest:
            self._lengths.append(2 * self._lengths[-1])
        self._sizes = sorted({max(1, tokens // self._lengths[-1] // share) * self._lengths[-1] for share in _SHARES})

    def lay(self, input_ids: np.ndarray, segment_ids: np.ndarray, lengths: np.ndarray) -> Iterator[LaidBatch]:
        """Yields the rows of a padded batch, `lengths` of whose tokens are real, in as few shapes as hold them."""
        order = np.argsort(-lengths, kind="stable")
        start = 0
        while start < len(order):
            shape, count = self._choose(lengths[order[start:]])
            yield self._fill(shape, order[start : start + count], input_ids, segment_ids, lengths)
            start += count

    def _choose(self, lengths: np.ndarray) -> tuple[Shape, int]:
        """Returns the shape for the first of `lengths`, non-increasing, and how many it holds."""
        length = next(length for length in self._lengths if length >= lengths[0])
        per_row = 2 * _TEXTS_PER_ROW if length == _SHORTEST else _TEXTS_PER_ROW
        ends = np.cumsum(lengths)
        for tokens in self._sizes:
            shape = Shape(tokens // length, length, tokens // length * per_row)
            count = min(int(np.searchsorted(ends, tokens, side="right")), shape.slots)
            # The tokens that are left are texts of nothing, which take slots as well.
            while count + -(-(tokens - int(ends[count - 1])) // length) > shape.slots:
                count -= 1
            if count == len(lengths):
                break
        return shape, count

    def _fill(
        self, shape: Shape, texts: np.ndarray, input_ids: np.ndarray, segment_ids: np.ndarray, lengths: np.ndarray
    ) -> LaidBatch:
        total = shape.rows * shape.length
        own = lengths[texts]
        rest = total - int(own.sum())
        every = np.zeros(shape.slots, np.int64)
        every[: len(own)] = own
        nothing = -(-rest // shape.length)
        every[len(own) : len(own) + nothing] = np.diff(np.minimum(np.arange(nothing + 1) * shape.length, rest))
        starts = np.concatenate([[0], np.cumsum(every)])
        real = np.arange(input_ids.shape[1]) < own[:, np.newaxis]
        tokens = np.zeros((3, total), np.int32)
        tokens[0, : total - rest] = input_ids[texts][real]
        tokens[1, : total - rest] = segment_ids[texts][real]
        tokens[2, : total - rest] = np.broadcast_to(np.arange(input_ids.shape[1]), real.shape)[real]
        return LaidBatch(
            shape=shape,
            texts=texts,
            tokens=tokens,
            starts=starts.astype(np.int32),
            lengths=every.astype(np.int32),
        )


class PaddedLayout:
    """Texts in rows padded to one of a few lengths, the last of which is the model's `longest`."""

    def __init__(self, longest: int, tokens: int = TOKENS) -> None:
        self._steps = [step for step in _PADDED_STEPS if step < longest] + [longest]
        self._tokens = max(tokens, longest)

    def lay(self, input_ids: np.ndarray, segment_ids: np.ndarray, lengths: np.ndarray) -> Iterator[LaidBatch]:
        """Yields the rows of a padded batch, `lengths` of whose tokens are real, in as few shapes as hold them."""
        order = np.argsort(-lengths, kind="stable")
        start = 0
        while start < len(order):
            step = min(step for step in self._steps if step >= lengths[order[start]])
            below = max((other for other in self._steps if other < step), default=0)
            alike = int(np.searchsorted(-lengths[order], -below, side="left")) - start
            sizes = sorted({max(1, self._tokens // step // share) for share in _SHARES})
            rows = next((size for size in sizes if size >= alike), sizes[-1])
            # Shorter ones fill rows that would be empty.
            yield self._fill(Shape(rows, step, 0), order[start : start + rows], input_ids, segment_ids, lengths)
            start += rows

    def _fill(
        self, shape: Shape, texts: np.ndarray, input_ids: np.ndarray, segment_ids: np.ndarray, lengths: np.ndarray
    ) -> LaidBatch:
        width = min(shape.length, input_ids.shape[1])
        tokens = np.zeros((3, shape.rows, shape.length), np.int32)
        tokens[0, : len(texts), :width] = input_ids[texts, :width]
        tokens[1, : len(texts), :width] = segment_ids[texts, :width]
        tokens[2] = np.arange(shape.length)
        own = np.zeros(shape.rows, np.int32)
        own[: len(texts)] = lengths[texts]
        return LaidBatch(
            shape=shape,
            texts=texts,
            tokens=tokens.reshape(3, -1),
            starts=(np.arange(shape.rows + 1) * shape.length).astype(np.int32),
            lengths=own,
        )
