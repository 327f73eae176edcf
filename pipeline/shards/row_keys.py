"""Keys of rows: 16 bytes that are the same for the same window of the same content, in every run."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from albert_embed.transforms.columns import CONTENT_HASH, ID, WINDOW

KEY_BYTES = 16


def row_keys(rows: pa.RecordBatch) -> list[bytes]:
    """BLAKE2b of 16 bytes over each row's `id`, `content_hash` and `window`.

    Args:
      rows: has these three columns.
    """
    ids = rows.column(ID).to_pylist()
    hashes = rows.column(CONTENT_HASH).to_pylist()
    windows = rows.column(WINDOW).to_pylist()
    # The hash and the window are of fixed size, so that no two rows give the same bytes.
    return [
        hashlib.blake2b(content_hash + window.to_bytes(8, "big") + id_, digest_size=KEY_BYTES).digest()
        for id_, content_hash, window in zip(ids, hashes, windows, strict=True)
    ]


def sort_keys(keys: list[bytes]) -> np.ndarray:
    """The keys as a sorted array `[rows]` of 16 bytes each."""
    return np.sort(np.array(keys, f"S{KEY_BYTES}"))


def find_keys(sorted_keys: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Where each of `keys` stands in `sorted_keys`, both arrays of 16 bytes each; -1 where it does not."""
    if not len(sorted_keys):
        return np.full(len(keys), -1)
    found = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return np.where(sorted_keys[found] == keys, found, -1)
