"""Which rows are not UTF-8, whatever the column's type says."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_embed.pipeline.records.utf8 import find_invalid_utf8, is_utf8

BYTES = st.one_of(st.binary(max_size=6), st.text(max_size=4).map(str.encode), st.none())


@pytest.mark.parametrize("type_", [pa.binary(), pa.large_binary()])
@given(values=st.lists(BYTES, max_size=8), start=st.integers(0, 3))
def test_values(type_: pa.DataType, values: list[bytes | None], start: int) -> None:
    expected = [row for row, value in enumerate(values[start:]) if value is not None and not is_utf8(value)]
    assert find_invalid_utf8(pa.array(values, type_).slice(start)) == expected


@pytest.mark.parametrize("type_", [pa.list_(pa.binary()), pa.large_list(pa.large_binary())])
@given(values=st.lists(st.one_of(st.lists(BYTES, max_size=3), st.none()), max_size=6), start=st.integers(0, 3))
def test_lists(type_: pa.DataType, values: list[list[bytes | None] | None], start: int) -> None:
    expected = [
        row
        for row, items in enumerate(values[start:])
        if any(item is not None and not is_utf8(item) for item in items or ())
    ]
    assert find_invalid_utf8(pa.array(values, type_).slice(start)) == expected


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string()])
def test_a_string_that_is_none(type_: pa.DataType) -> None:
    width = pa.int32() if type_ == pa.string() else pa.int64()
    offsets = pa.array([0, 1, 2], width).buffers()[1]
    column = pa.Array.from_buffers(type_, 2, [None, offsets, pa.py_buffer(b"a\xff")])
    assert find_invalid_utf8(column) == [1]


def test_numbers_are_good() -> None:
    assert find_invalid_utf8(pa.array([1, None])) == [] and find_invalid_utf8(pa.array([[1.5]])) == []
