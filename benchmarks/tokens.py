"""`Tokens`: the token ids of every document of a corpus, with [CLS] and [SEP]. It needs only NumPy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np


@dataclasses.dataclass(frozen=True)
class Tokens:
    """The ids of all documents in one array, and where each document starts and ends in it.

    Attributes:
      ids: int64 `[tokens]`.
      splits: int64 `[documents + 1]`.
    """

    ids: np.ndarray
    splits: np.ndarray

    def __len__(self) -> int:
        return len(self.splits) - 1

    def __getitem__(self, document: int) -> np.ndarray:
        return self.ids[self.splits[document] : self.splits[document + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of every document, int64 `[documents]`."""
        return np.diff(self.splits)

    def write(self, path: Path) -> None:
        """Writes it to `path`."""
        np.savez(path, ids=self.ids, splits=self.splits)


def join_tokens(documents: Sequence[Sequence[int]]) -> Tokens:
    """Returns the `Tokens` of documents given one by one."""
    splits = np.concatenate([[0], np.cumsum([len(ids) for ids in documents])]).astype(np.int64)
    return Tokens(np.concatenate([np.asarray(ids, np.int64) for ids in documents]), splits)


def read_tokens(path: Path) -> Tokens:
    """Returns what `Tokens.write` wrote to `path`."""
    with np.load(path) as arrays:
        return Tokens(arrays["ids"], arrays["splits"])
