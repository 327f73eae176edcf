"""`RollingWriter`: rows arrive whole and in order, whatever the limits; what is not finished is abandoned."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_embed.pipeline.writers.rolling_writer import RollingWriter


class ListWriter:
    """Keeps values, one byte each; finished ones in what `finish` returns, abandoned ones in `abandoned`."""

    abandoned: list[list[int]]

    def __init__(self, abandoned: list[list[int]]) -> None:
        self.abandoned = abandoned
        self.values: list[int] = []

    def write(self, rows: pa.RecordBatch) -> None:
        self.values += rows.column("n").to_pylist()

    @property
    def size(self) -> int:
        return len(self.values)

    def finish(self) -> list[int]:
        return self.values

    def abandon(self) -> None:
        self.abandoned.append(self.values)


def make_rows(values: list[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": pa.array(values, pa.int64())})


@given(st.lists(st.lists(st.integers(0, 9), max_size=5)), st.integers(1, 8))
def test_rows_arrive_in_order_in_files_of_the_size(batches: list[list[int]], max_bytes: int) -> None:
    abandoned: list[list[int]] = []
    with RollingWriter(lambda: ListWriter(abandoned), max_bytes=max_bytes) as writer:
        files = [file for batch in batches for file in writer.write(make_rows(batch))]
        last = writer.finish()
    assert [value for file in [*files, *last] for value in file] == [value for batch in batches for value in batch]
    assert all(max_bytes <= len(file) < max_bytes + 5 for file in files)
    assert all(len(file) < max_bytes for file in last) and len(last) <= 1
    assert abandoned == []


def test_a_writer_that_is_old_enough_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("albert_embed.pipeline.writers.rolling_writer.time.monotonic", lambda: now[0])
    writer = RollingWriter(lambda: ListWriter([]), max_bytes=100, max_seconds=60)
    assert writer.write(make_rows([1])) == []
    now[0] = 59.0
    assert writer.write(make_rows([2])) == []
    now[0] = 60.0
    assert writer.write(make_rows([3])) == [[1, 2, 3]]
    assert writer.write(make_rows([4])) == [], "the next one is young"


def test_what_is_not_finished_is_abandoned() -> None:
    abandoned: list[list[int]] = []
    with (
        pytest.raises(RuntimeError, match=r"^the reader failed$"),
        RollingWriter(lambda: ListWriter(abandoned), max_bytes=2) as writer,
    ):
        assert writer.write(make_rows([1, 2])) == [[1, 2]]
        writer.write(make_rows([3]))
        raise RuntimeError("the reader failed")
    assert abandoned == [[3]]
