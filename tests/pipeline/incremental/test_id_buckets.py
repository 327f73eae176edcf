"""Buckets of ids: the same id always in the same one, and nothing lost on the way."""

from __future__ import annotations

import pickle
from collections.abc import Iterable

import pyarrow as pa
import pytest

from albert_embed.pipeline.documents.keyed_tables import from_bytes
from albert_embed.pipeline.incremental import id_buckets
from albert_embed.pipeline.incremental.id_buckets import SplitIntoBuckets, count_buckets, split_into_buckets

SCHEMA = pa.schema([("id", pa.binary()), ("n", pa.int64())])


def make_table(count: int) -> pa.Table:
    return pa.table({"id": [b"document %d" % number for number in range(count)], "n": range(count)}, SCHEMA)


def test_every_row_is_in_the_bucket_of_its_id() -> None:
    whole = dict(split_into_buckets(make_table(5000), 100))
    assert len(whole) == 100 and set(whole) == set(range(100))
    assert sorted(number for rows in whole.values() for number in rows["n"].to_pylist()) == list(range(5000))
    assert max(rows.num_rows for rows in whole.values()) < 100
    for number, rows in split_into_buckets(make_table(50), 100):
        assert set(rows["id"].to_pylist()) <= set(whole[number]["id"].to_pylist())
    assert list(split_into_buckets(make_table(0), 100)) == []


@pytest.mark.parametrize(
    ("input_bytes", "index_rows", "buckets"),
    [(0, 0, 1), (10_000_000, 40_000, 1), (52_428_800, 0, 1), (52_428_900, 0, 2), (10**12, 10**9, 20981)],
)
def test_buckets_are_of_some_50_mb(input_bytes: int, index_rows: int, buckets: int) -> None:
    assert count_buckets(input_bytes, index_rows) == buckets


def test_rows_wait_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_buckets, "_WAITING_ROWS", 100)
    split = pickle.loads(pickle.dumps(SplitIntoBuckets(SCHEMA, 5)))
    split.start_bundle()
    (batch,) = make_table(60).to_batches()
    assert list(split.process(batch)) == []
    sent = list(split.process(batch.append_column("more", batch.column("n"))))
    assert join(sent).num_rows == 120 and {number for number, _ in sent} == set(range(5))
    assert list(split.finish_bundle()) == []
    assert list(split.process(batch)) == []
    assert join(value.value for value in split.finish_bundle()).num_rows == 60


def join(buckets: Iterable[tuple[int, bytes]]) -> pa.Table:
    return from_bytes([content for _, content in buckets], SCHEMA)
