"""How long the lists of an Arrow list array are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def list_lengths(column: pa.Array) -> np.ndarray:
    """Returns the length of every list of an Arrow list array without nulls, `[rows]` int64."""
    return np.diff(np.asarray(column.offsets)).astype(np.int64)


def add_length_counts(counts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns how many lists have each length, `[longest + 1]` int64, once more are counted.

    Args:
      counts: of those before, `[longest + 1]` int64.
      lengths: of the new ones, `[lists]` int64.
    """
    added = np.bincount(lengths, minlength=len(counts))
    added[: len(counts)] += counts
    return added
