"""The one check whether bytes are UTF-8."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def find_invalid_utf8(column: pa.Array) -> list[int]:
    """The rows that hold bytes which are not UTF-8, ascending.

    Args:
      column: of any type. Strings are not taken at their word: a file can call bytes a string. Of lists each value is
        looked at. Nulls, and values that are no bytes, are good.
    """
    is_list = _is_list(column.type)
    values = column.flatten() if is_list else column  # what a slice's neighbours hold is left out
    if not _holds_bytes(values.type):
        return []
    values = values.cast(pa.large_binary())
    try:
        values.cast(pa.large_string())
        return []
    except pa.ArrowInvalid:
        bad = [place for place, value in enumerate(values.to_pylist()) if value is not None and not is_utf8(value)]
    parents = np.asarray(pc.list_parent_indices(column)) if is_list else np.arange(len(column))
    return np.unique(parents[bad]).tolist()


def is_utf8(value: bytes) -> bool:
    """Whether these bytes are UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_list(type_: pa.DataType) -> bool:
    return pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)


def _holds_bytes(type_: pa.DataType) -> bool:
    types = pa.types
    return (
        types.is_binary(type_) or types.is_large_binary(type_) or types.is_string(type_) or types.is_large_string(type_)
    )
