"""The place of a document in the input, as a number that is the same in every reading."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.records.content_id import hash_content
from albert_embed.pipeline.storage.paths import encode_path
from albert_embed.transforms.columns import ORIGIN, TYPES


def make_origins(file: str, positions: Sequence[int | str] | np.ndarray) -> pa.Array:
    """Returns uint64: a hash of the path plus the position, without carry; nulls where positions are not numbers.

    Within a file no two are equal. In two files they are equal only by chance, and that matters only for documents that
    are equal in everything else.
    """
    if len(positions) and isinstance(positions[0], str):
        return pa.nulls(len(positions), TYPES[ORIGIN])
    start = np.frombuffer(hash_content(encode_path(file))[:8], np.uint64)
    return pa.array(start + np.asarray(positions, np.uint64), TYPES[ORIGIN])
