"""Keys of documents: 16 bytes for an id, or for an id with a content, in sorted arrays that are looked up at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.shards.row_keys import KEY_BYTES


def id_keys(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """BLAKE2b of 16 bytes of each id, as an array `[n]` of 16 bytes each."""
    return _to_array(hashlib.blake2b(id_, digest_size=KEY_BYTES).digest() for id_ in ids.to_pylist())


def document_keys(ids: pa.Array | pa.ChunkedArray, content_hashes: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The same over each id and its content hash, which is of fixed size, so that no two pairs give the same bytes."""
    pairs = zip(content_hashes.to_pylist(), ids.to_pylist(), strict=True)
    return _to_array(hashlib.blake2b(hash_ + id_, digest_size=KEY_BYTES).digest() for hash_, id_ in pairs)


def keys_to_arrow(keys: np.ndarray) -> pa.Array:
    """Keys as fixed_size_binary[16]."""
    return pa.Array.from_buffers(pa.binary(KEY_BYTES), len(keys), [None, pa.py_buffer(keys.tobytes())])


def keys_from_arrow(keys: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """fixed_size_binary[16] without nulls as keys, over the same memory where it is one array."""
    array = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    if not len(array):
        return _to_array([])
    return np.frombuffer(array.buffers()[1], f"S{KEY_BYTES}")[array.offset : array.offset + len(array)]


def _to_array(digests: Iterable[bytes]) -> np.ndarray:
    # NumPy compares such arrays as if zeros followed; all of one length, that makes no two of them equal.
    return np.array(list(digests), f"S{KEY_BYTES}")
