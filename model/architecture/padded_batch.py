"""Converts between rows of different lengths (Arrow lists) and the padded matrices of the model."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.transforms.rows.columns import INPUT_IDS, INPUT_MASK, SEGMENT_IDS
from albert_embed.transforms.rows.list_lengths import list_lengths


def pad_batch(batch: pa.RecordBatch) -> dict[str, np.ndarray]:
    """Returns the signature's inputs for the rows of `batch`, padded to its longest row.

    Args:
      batch: has `input_ids`, and `segment_ids` where texts come in pairs; lists of int64 without nulls.

    Returns:
      `input_ids`, `input_mask`, `segment_ids`, int32 `[rows, longest row]`, padded with 0.
    """
    column = batch.column(INPUT_IDS)
    lengths = list_lengths(column)
    real = np.arange(lengths.max(initial=0)) < lengths[:, np.newaxis]
    inputs = {INPUT_IDS: _pad(column, real), INPUT_MASK: real.astype(np.int32)}
    if SEGMENT_IDS in batch.schema.names:
        inputs[SEGMENT_IDS] = _pad(batch.column(SEGMENT_IDS), real)
    else:
        inputs[SEGMENT_IDS] = np.zeros(real.shape, np.int32)
    return inputs


def _pad(column: pa.Array, real: np.ndarray) -> np.ndarray:
    padded = np.zeros(real.shape, np.int32)
    padded[real] = np.asarray(column.flatten())
    return padded


def mean_of_real_tokens(sequence: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Returns the mean over the real tokens of each row, summed in float64; float32 `[rows, hidden]`.

    Args:
      sequence: float32 `[rows, seq, hidden]`; what stands at padded positions may be anything.
      mask: `[rows, seq]`, 1 at real tokens, which come first.
    """
    means = np.empty((sequence.shape[0], sequence.shape[2]), np.float32)
    for row, length in enumerate(mask.sum(axis=1).tolist()):
        # A row at a time, which stays in the cache: `add.reduceat` with a dtype converts value by value.
        means[row] = sequence[row, :length].astype(np.float64).sum(axis=0) / length
    return means


def float_lists(values: np.ndarray, lengths: np.ndarray) -> pa.Array:
    """Returns an Arrow list array of float32 whose row `i` is the next `lengths[i]` of the flattened `values`."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values.reshape(-1), pa.float32()))
