"""Documents cut into padded batches of a fixed number of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

BATCH_ROWS = 32
MAX_TOKENS = 512


class Batch(NamedTuple):
    """One padded batch: the documents' numbers, int64 `[rows]`, and the model's inputs, int64 `[rows, longest]`."""

    documents: np.ndarray
    input_ids: np.ndarray
    attention_mask: np.ndarray


def sort_by_length(documents: Sequence[Sequence[int]]) -> np.ndarray:
    """Returns the documents' numbers, longest first."""
    return np.argsort([-len(ids) for ids in documents], kind="stable")


def pad_batches(documents: Sequence[Sequence[int]], order: np.ndarray) -> Iterator[Batch]:
    """Yields batches of `BATCH_ROWS` documents in the given order, each padded to its longest row."""
    for start in range(0, len(order), BATCH_ROWS):
        numbers = order[start : start + BATCH_ROWS]
        longest = max(len(documents[number]) for number in numbers)
        input_ids = np.zeros((len(numbers), longest), np.int64)
        attention_mask = np.zeros_like(input_ids)
        for row, number in enumerate(numbers):
            ids = documents[number]
            input_ids[row, : len(ids)] = ids
            attention_mask[row, : len(ids)] = 1
        yield Batch(numbers, input_ids, attention_mask)


def mean_of_tokens(sequence_output: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
    """Returns float32 `[rows, hidden]`: the mean over the real tokens."""
    mask = attention_mask.astype(np.float32)
    # A matrix product, so that no masked copy of the whole output is made.
    sums = np.matmul(mask[:, np.newaxis, :], sequence_output)[:, 0]
    means: np.ndarray = sums / mask.sum(axis=1, keepdims=True)
    return means
