"""Buckets of ids: the same id always in the same one, and nothing lost on the way."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from pipeline.incremental import id_buckets
from pipeline.incremental.id_buckets import BUCKETS, SplitIntoBuckets, split_into_buckets

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


def test_a_bucket_is_sent_without_what_it_was_taken_from() -> None:
    (_, rows), *_ = split_into_buckets(make_table(100_000).slice(0, 2))
    assert len(pickle.dumps(rows)) < 2000


def test_rows_wait_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_buckets, "_WAITING_ROWS", 100)
    split = pickle.loads(pickle.dumps(SplitIntoBuckets(SCHEMA)))
    split.start_bundle()
    (batch,) = make_table(60).to_batches()
    assert list(split.process(batch)) == []
    sent = list(split.process(batch.select(["id"])))
    assert sum(rows.num_rows for _, rows in sent) == 120
    # A column that a batch lacks is null.
    assert sum(rows["n"].null_count for _, rows in sent) == 60
    assert list(split.finish_bundle()) == []
    assert list(split.process(batch)) == []
    left = [value.value for value in split.finish_bundle()]
    assert sum(rows.num_rows for _, rows in left) == 60
