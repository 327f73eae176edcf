"""Rows that can't be used."""

from __future__ import annotations

import pyarrow as pa

from albert_embed.transforms.steps.bad_rows import BadRows, Fault
from albert_embed.transforms.steps.failure import Failure

ROWS = pa.RecordBatch.from_pydict({"id": ["a", "b", "c", "d"]})
FIRST, SECOND = Fault(reason="first", error="1"), Fault(reason="second", error="2")


def test_rows_that_are_bad_are_dropped_in_order_each_with_its_first_fault() -> None:
    bad = BadRows()
    for row, fault in ((3, SECOND), (1, FIRST), (3, FIRST), (1, SECOND)):
        bad.add(row, fault)
    assert list(bad) == [(1, FIRST), (3, SECOND)]
    assert bad.drop_from(ROWS).column("id").to_pylist() == ["a", "c"]


def test_a_batch_without_bad_rows_stays_as_it_is() -> None:
    assert list(BadRows()) == []
    assert BadRows().drop_from(ROWS) is ROWS


def test_a_failure_has_the_start_of_the_text_and_what_else_the_row_has() -> None:
    assert FIRST.fail(stage="write", id_=b"a", text=b"x" * 201, window=3) == Failure(
        id=b"a", stage="write", reason="first", error="1", text=b"x" * 200, window=3
    )
    assert FIRST.fail(stage="read", id_=None, text=None) == Failure(
        id=b"", stage="read", reason="first", error="1", text=b""
    )
