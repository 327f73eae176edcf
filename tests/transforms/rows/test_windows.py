"""From documents to one row per window."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from albert_embed.transforms.rows.windows import drop_finished_windows, explode_windows

LISTS = pa.large_list(pa.int64())


def make_batch() -> pa.RecordBatch:
    """Returns three documents with one, three and one windows, and columns of many types."""
    return pa.record_batch(
        {
            "id": pa.array([b"a", b"b", b"c"]),
            "year": pa.array([1, None, 3], pa.int32()),
            "tags": pa.array([["x"], None, []], pa.list_(pa.string())),
            "input_ids": pa.array([[2, 10, 3], [2, 20, 3, 2, 21, 3, 2, 3], [2, 3]], LISTS),
            "segment_ids": pa.array([[0, 0, 1], [0, 0, 0, 1, 1, 1, 0, 1], [0, 1]], LISTS),
            "window_lengths": pa.array([[3], [3, 3, 2], [2]], LISTS),
            "window_starts": pa.array([[0], [0, 5, 9], [0]], LISTS),
            "truncated": pa.array([1, 0, 0], pa.int64()),
            "token_count": pa.array([9, 2, 0], pa.int64()),
        }
    )


EXPECTED: dict[str, list[Any]] = {
    "id": [b"a", b"b", b"b", b"b", b"c"],
    "year": [1, None, None, None, 3],
    "tags": [["x"], None, None, None, []],
    "window": [0, 0, 1, 2, 0],
    "window_start": [0, 0, 5, 9, 0],
    "window_count": [1, 3, 3, 3, 1],
    "truncated": [1, 0, 0, 0, 0],
    "input_ids": [[2, 10, 3], [2, 20, 3], [2, 21, 3], [2, 3], [2, 3]],
    "segment_ids": [[0, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1], [0, 1]],
}


def test_makes_a_row_per_window() -> None:
    exploded = explode_windows(make_batch())
    assert exploded.to_pydict() == EXPECTED
    assert exploded.schema.names == list(EXPECTED)
    assert exploded.schema.field("year").type == pa.int32()
    assert exploded.schema.field("input_ids").type == LISTS
    assert exploded.schema.field("window").type == pa.int64()
    exploded.validate(full=True)


def test_a_slice_of_a_batch() -> None:
    exploded = explode_windows(make_batch().slice(1, 2))
    assert exploded.to_pydict() == {name: values[1:] for name, values in EXPECTED.items()}
    exploded.validate(full=True)


def test_no_documents_have_no_windows() -> None:
    exploded = explode_windows(make_batch().slice(0, 0))
    assert exploded.to_pydict() == {name: [] for name in EXPECTED}
    assert exploded.schema == explode_windows(make_batch()).schema


def test_tokens_stay_where_they_are() -> None:
    batch = make_batch()
    values = explode_windows(batch).column("input_ids").values
    assert values.buffers()[1].address == batch.column("input_ids").values.buffers()[1].address


def test_lengths_that_do_not_add_up_are_an_error() -> None:
    batch = make_batch()
    index = batch.schema.get_field_index("window_lengths")
    batch = batch.set_column(index, "window_lengths", pa.array([[3], [3, 2, 2], [3]], LISTS))
    with pytest.raises(ValueError, match=r"^the lengths of the windows do not add up to the documents' input_ids.$"):
        explode_windows(batch)


def test_finished_windows_are_dropped() -> None:
    batch = make_batch()
    finished = pa.array([None, [0, 2], [0]], pa.list_(pa.int64()))
    rows = drop_finished_windows(explode_windows(batch.append_column("finished_windows", finished)))
    kept = explode_windows(batch).take(pa.array([0, 2]))
    assert rows.schema.equals(kept.schema) and rows.to_pylist() == kept.to_pylist()
    assert drop_finished_windows(kept) is kept
    empty = explode_windows(batch.append_column("finished_windows", finished).slice(0, 0))
    assert drop_finished_windows(empty).num_rows == 0
