"""The one check whether bytes, or what a file calls a string, are UTF-8; and how many NULs a text may have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Of a text as UTF-16 half of the bytes are NUL, or some in other scripts; a stray one is no reason to lose a document.
MAX_NUL_SHARE = 8  # one in so many


def find_invalid_utf8(column: pa.Array) -> list[int]:
    """Finds the rows that hold bytes which are not UTF-8, ascending.

    Args:
      column: of any type. Strings are checked too, because a file can call bytes a string. Every value of a list is
        checked. Nulls, and values that are not bytes, are good.
    """
    is_list = _is_list(column.type)
    values = column.flatten() if is_list else column  # without the values of a slice's neighbours
    if not _holds_bytes(values.type):
        return []
    values = values.cast(pa.large_binary())
    try:
        values.cast(pa.large_string())
        return []
    except pa.ArrowInvalid:
        bad = [place for place, value in enumerate(values.to_pylist()) if value is not None and not is_utf8(value)]
    parents = np.asarray(pc.list_parent_indices(column)) if is_list else np.arange(len(column))
    rows: list[int] = np.unique(parents[bad]).tolist()
    return rows


def is_utf8(value: bytes) -> bool:
    """Returns whether these bytes are UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_encodable(value: Any) -> bool:
    """Returns whether a value, or each of a list, is no string that lacks a form in UTF-8."""
    if isinstance(value, list):
        return all(map(is_encodable, value))
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True


def describe_invalid_utf8(name: str) -> str:
    """Returns the error of a record of a typed format whose field calls bytes a string."""
    return f"the field {name!r} is a string by its type, but not UTF-8; write it as UTF-8, or give it the type bytes"


def _is_list(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_))


def _holds_bytes(type_: pa.DataType) -> bool:
    types = pa.types
    is_binary = types.is_binary(type_) or types.is_large_binary(type_) or types.is_binary_view(type_)
    return bool(is_binary or types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_))
