"""`WindowSums`: the sums for a document's vector while its windows arrive, in any order and from any worker."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class WindowMean(NamedTuple):
    """One window of a document.

    Attributes:
      content_hash: of the document that it belongs to.
      window: its number, from 0.
      window_count: how many the document has.
      tokens: how many tokens the mean is over, [CLS] and [SEP] included.
      mean: float32 `[hidden]`.
      kept: the document's kept fields, in their order; None for all windows but the first.
    """

    content_hash: bytes
    window: int
    window_count: int
    tokens: int
    mean: np.ndarray
    kept: tuple[Any, ...] | None


@dataclasses.dataclass(frozen=True)
class _Span:
    """The sum of tokens × mean over some windows, float64 `[hidden]`, and the sum of their tokens."""

    vector: np.ndarray
    tokens: int


def _add(spans: Sequence[_Span]) -> _Span:
    return _Span(np.sum([span.vector for span in spans], axis=0), sum(span.tokens for span in spans))


class WindowSums:
    """Adds up the windows of one document; each counts once, however often it is seen.

    From two sums of windows one can't see which windows are in both. So they are kept over spans that are either apart
    or one inside the other: `size` windows from `start` on, where size is a power of two and start a multiple of it.
    Two neighbours that make up the next larger span become one, and a whole document is one sum. The additions are the
    same whatever arrives first, so the result is the same to the last bit.

    Args:
      window_count: how many windows the document has.
    """

    def __init__(self, window_count: int) -> None:
        self.window_count = window_count
        self.kept: tuple[Any, ...] | None = None
        self._spans: dict[tuple[int, int], _Span] = {}  # by start and size

    def add(self, window: WindowMean) -> None:
        """Adds a window."""
        vector = window.mean.astype(np.float64) * window.tokens
        self._insert(window.window, 1, _Span(vector, window.tokens))
        if window.kept is not None:
            self.kept = window.kept

    def merge(self, other: WindowSums) -> None:
        """Adds what `other`, of the same document, has seen."""
        for (start, size), span in other._spans.items():
            self._insert(start, size, span)
        if other.kept is not None:
            self.kept = other.kept

    @property
    def windows(self) -> list[int]:
        """The windows that were seen."""
        return [window for start, size in sorted(self._spans) for window in range(start, start + size)]

    @property
    def complete(self) -> bool:
        """Whether every window was seen."""
        return (0, self.window_count) in self._spans

    @property
    def tokens(self) -> int:
        """Tokens of the windows that were seen."""
        return self._total().tokens

    def mean(self) -> np.ndarray:
        """Returns the mean of the windows seen (at least one), weighted by their tokens; float64 `[hidden]`."""
        return self._total().vector / self.tokens

    def _insert(self, start: int, size: int, span: _Span) -> None:
        if self._covers(start, size):
            return
        if size > 1:
            inside = [key for key in self._spans if start <= key[0] < start + size]
            for key in inside:
                del self._spans[key]
        while (neighbour := self._spans.pop((start ^ size, size), None)) is not None:
            span = _add((span, neighbour) if start < start ^ size else (neighbour, span))
            start, size = min(start, start ^ size), 2 * size
        self._spans[start, size] = span
        if sum(size for _, size in self._spans) == self.window_count:
            self._spans = {(0, self.window_count): self._total()}

    def _total(self) -> _Span:
        return _add([self._spans[key] for key in sorted(self._spans)])

    def _covers(self, start: int, size: int) -> bool:
        if self.complete:
            return True
        while size <= self.window_count:
            if (start - start % size, size) in self._spans:
                return True
            size *= 2
        return False
