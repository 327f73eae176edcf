"""Documents as the transform graph gives them to rows of windows, and a failure for each that can't be one."""

from __future__ import annotations

import pickle
from functools import partial

import pyarrow as pa

from albert_embed.pipeline.embed.embed_prepared import drop_text_start, split_windows
from albert_embed.transforms.steps.map_or_fail import MapOrFail


def make_documents(truncated: list[int], **columns: pa.Array) -> pa.RecordBatch:
    count = len(truncated)
    numbers = pa.large_list(pa.int64())
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array([b"%d" % row for row in range(count)], pa.binary()),
            "text_start": pa.array([b"text"] * count, pa.binary()),
            "input_ids": pa.array([[2, 5, 3]] * count, numbers),
            "window_lengths": pa.array([[3]] * count, numbers),
            "window_starts": pa.array([[0]] * count, numbers),
            "truncated": pa.array(truncated, pa.int64()),
            "token_count": pa.array([1 + 9 * value for value in truncated], pa.int64()),
            **columns,
        }
    )


def test_documents_that_are_too_long_fail_where_they_are_to() -> None:
    documents = make_documents([0, 1])
    rows, failures = split_windows(documents, reject=False, max_tokens=3)
    assert rows.column("id").to_pylist() == [b"0", b"1"] and failures == []
    rows, failures = split_windows(documents, reject=True, max_tokens=3)
    assert rows.column("id").to_pylist() == [b"0"]
    assert [(failure.id, failure.category, failure.text) for failure in failures] == [
        (b"1", "preprocess: too long", b"text")
    ]
    assert failures[0].error.startswith("10 tokens of text do not fit into max_tokens 3;")


def test_documents_whose_tokens_are_not_located_fail() -> None:
    starts = pa.array([[0, 0, 1], None], pa.large_list(pa.int64()))
    pieces = pa.array([[b"[CLS]", b"a", b"[SEP]"]] * 2, pa.large_list(pa.binary()))
    documents = make_documents([0, 0], token_pieces=pieces, token_starts=starts, token_ends=starts)
    rows, failures = split_windows(documents, reject=False, max_tokens=3)
    assert rows.column("id").to_pylist() == [b"0"]
    assert [(failure.id, failure.category) for failure in failures] == [(b"1", "preprocess: tokens not located")]


def test_where_all_fail_no_rows_pass_after_pickling() -> None:
    step = pickle.loads(pickle.dumps(MapOrFail(partial(split_windows, reject=True, max_tokens=3))))._step
    assert [output.value.id for output in step.process(make_documents([1, 1]))] == [b"0", b"1"]


def test_rows_lose_the_start_of_the_text() -> None:
    rows, failures = drop_text_start(make_documents([0]))
    assert "text_start" not in rows.schema.names and failures == []
