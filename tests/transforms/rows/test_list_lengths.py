"""Lengths of lists, and how many lists have each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.transforms.rows.list_lengths import add_length_counts, list_lengths


def test_lengths_of_a_slice() -> None:
    lists = pa.array([[1], [], [2, 3, 4]], pa.large_list(pa.int64()))
    assert list_lengths(lists).tolist() == [1, 0, 3] and list_lengths(lists.slice(1)).tolist() == [0, 3]


def test_counts_are_added_whichever_is_longer() -> None:
    counts = np.zeros(1, np.int64)
    for lengths in ([2, 2, 5], [], [1], [7, 0]):
        counts = add_length_counts(counts, np.array(lengths, np.int64))
    assert counts.tolist() == [1, 1, 2, 0, 0, 1, 0, 1]
