"""Keys of 16 bytes: of an id, of a document's content, and of a row; the same in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from albert_embed.transforms.rows.columns import CONTENT_HASH, ID, WINDOW

KEY_BYTES = 16


def id_keys(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Returns BLAKE2b of 16 bytes over each id, as an array `[n]` of 16 bytes each."""
    return make_keys(_hash(id_) for id_ in ids.to_pylist())


def document_keys(ids: pa.Array | pa.ChunkedArray, content_hashes: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Returns the same over each id and its content hash, whose size is fixed, so no two pairs give the same bytes."""
    pairs = zip(content_hashes.to_pylist(), ids.to_pylist(), strict=True)
    return make_keys(_hash(content_hash + id_) for content_hash, id_ in pairs)


def row_keys(rows: pa.RecordBatch) -> list[bytes]:
    """Returns BLAKE2b of 16 bytes over each row's `id`, `content_hash` and `window`.

    Args:
      rows: has these three columns.
    """
    ids = rows.column(ID).to_pylist()
    content_hashes = rows.column(CONTENT_HASH).to_pylist()
    windows = rows.column(WINDOW).to_pylist()
    # The hash and the window have fixed sizes, so no two rows give the same bytes.
    return [
        _hash(content_hash + window.to_bytes(8, "big") + id_)
        for id_, content_hash, window in zip(ids, content_hashes, windows, strict=True)
    ]


def make_keys(keys: Iterable[bytes]) -> np.ndarray:
    """Makes an array `[n]` of keys of 16 bytes each.

    NumPy compares such arrays as if zeros followed. All have the same length, so no two become equal by that.
    """
    return np.array(list(keys), f"S{KEY_BYTES}")


def find_keys(sorted_keys: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Returns the position of each of `keys` in `sorted_keys`, both arrays of 16 bytes each; -1 if it is not there."""
    if not len(sorted_keys):
        return np.full(len(keys), -1)
    found = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return np.where(sorted_keys[found] == keys, found, -1)


def keys_to_arrow(keys: np.ndarray) -> pa.Array:
    """Converts keys to fixed_size_binary[16]."""
    return pa.Array.from_buffers(pa.binary(KEY_BYTES), len(keys), [None, pa.py_buffer(keys.tobytes())])


def keys_from_arrow(keys: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Converts fixed_size_binary[16] without nulls to keys, in the same memory where it is one array."""
    array = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    if not len(array):
        return make_keys([])
    return np.frombuffer(array.buffers()[1], f"S{KEY_BYTES}")[array.offset : array.offset + len(array)]


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=KEY_BYTES).digest()
