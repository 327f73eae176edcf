"""Tables on their way through a shuffle: nothing is lost, and each row is with its key."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.documents.keyed_tables import cut_by_column, cut_by_numbers, from_bytes, to_bytes

SCHEMA = pa.schema([("name", pa.binary()), ("n", pa.int64())])


def make_table(count: int) -> pa.Table:
    return pa.table({"name": [b"name %d" % (number % 7) for number in range(count)], "n": range(count)}, SCHEMA)


def test_rows_are_cut_by_numbers_and_keep_their_order() -> None:
    table = pa.concat_tables([make_table(40), make_table(30)])
    numbers = np.arange(70) % 3 * 5
    cut = dict(cut_by_numbers(table, numbers))
    assert list(cut) == [0, 5, 10]
    for number, rows in cut.items():
        assert rows["n"].to_pylist() == table.filter(pa.array(numbers == number))["n"].to_pylist()
    assert list(cut_by_numbers(make_table(0), np.zeros(0, np.int64))) == []


def test_rows_are_cut_by_a_column() -> None:
    cut = dict(cut_by_column(make_table(20).slice(3), "name"))
    assert set(cut) == {b"name %d" % number for number in range(7)}
    assert cut[b"name 3"].to_pylist() == [{"n": 3}, {"n": 10}, {"n": 17}]
    assert list(cut_by_column(make_table(0), "name")) == []


def test_a_slice_is_sent_alone_and_comes_back() -> None:
    rows = make_table(100_000).slice(5, 2)
    assert len(to_bytes(rows)) < 1000 and from_bytes([to_bytes(rows)], SCHEMA).equals(rows)
    assert len(to_bytes(make_table(1000))) < 8000  # 22 kB in memory
    assert from_bytes([], SCHEMA).equals(SCHEMA.empty_table())
