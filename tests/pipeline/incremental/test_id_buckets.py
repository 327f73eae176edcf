"""Buckets of ids: the same id always in the same one, and nothing lost on the way."""

from __future__ import annotations

import pickle
from collections.abc import Iterable

import pyarrow as pa
import pytest

from albert_embed.pipeline.incremental import id_buckets
from albert_embed.pipeline.incremental.id_buckets import (
    BUCKETS,
    SplitIntoBuckets,
    from_bytes,
    split_into_buckets,
    to_bytes,
)

SCHEMA = pa.schema([("id", pa.binary()), ("n", pa.int64())])


def make_table(count: int) -> pa.Table:
    return pa.table({"id": [b"document %d" % number for number in range(count)], "n": range(count)}, SCHEMA)


def test_every_row_is_in_the_bucket_of_its_id() -> None:
    whole = dict(split_into_buckets(make_table(5000)))
    assert len(whole) == BUCKETS and set(whole) == set(range(BUCKETS))
    assert sorted(number for rows in whole.values() for number in rows["n"].to_pylist()) == list(range(5000))
    assert max(rows.num_rows for rows in whole.values()) < 60
    for number, rows in split_into_buckets(make_table(50)):
        assert set(rows["id"].to_pylist()) <= set(whole[number]["id"].to_pylist())
    assert list(split_into_buckets(make_table(0))) == []


def test_a_bucket_is_sent_small_and_comes_back() -> None:
    (_, rows), *_ = split_into_buckets(make_table(100_000).slice(0, 2))
    assert len(to_bytes(rows)) < 1000 and from_bytes([to_bytes(rows)], SCHEMA).equals(rows)
    assert len(to_bytes(make_table(1000))) < 8000  # 25 kB in memory
    assert from_bytes([], SCHEMA).equals(SCHEMA.empty_table())


def test_rows_wait_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_buckets, "_WAITING_ROWS", 100)
    split = pickle.loads(pickle.dumps(SplitIntoBuckets(SCHEMA)))
    split.start_bundle()
    (batch,) = make_table(60).to_batches()
    assert list(split.process(batch)) == []
    sent = list(split.process(batch.select(["id"])))
    rows = join(sent)
    # A column that a batch lacks is null.
    assert (rows.num_rows, rows["n"].null_count) == (120, 60)
    assert list(split.finish_bundle()) == []
    assert list(split.process(batch)) == []
    assert join(value.value for value in split.finish_bundle()).num_rows == 60


def join(buckets: Iterable[tuple[int, bytes]]) -> pa.Table:
    return from_bytes([content for _, content in buckets], SCHEMA)
