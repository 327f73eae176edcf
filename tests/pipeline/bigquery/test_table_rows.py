"""Rows as the table has them, and those that it can't have."""

from __future__ import annotations

import gc
import io
import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.bigquery.load_format import LoadFormat
from albert_embed.pipeline.bigquery.table_rows import check_rows, make_table_rows, measure_rows
from albert_embed.pipeline.bigquery.table_sink import make_check_rows
from tests.pipeline.bigquery.table_data import LAYOUT, PIECES, make_layout, make_table_input
from tests.pipeline.embedded_rows import HIDDEN


def replace(rows: pa.RecordBatch, **columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({**dict(zip(rows.schema.names, rows.columns, strict=True)), **columns})


@pytest.mark.parametrize("sliced", [False, True])
def test_rows(sliced: bool) -> None:
    rows = make_table_input([9, 2, 3]).slice(1) if sliced else make_table_input([2, 3], first=0)
    table = make_table_rows(rows, LAYOUT, PIECES, "print")
    assert table.schema == LAYOUT.arrow_schema
    for row, expected in zip(table.to_pylist(), rows.to_pylist(), strict=True):
        assert row["id"] == expected["id"].decode()
        for name in ("window", "window_start", "truncated", "pooled_output", "mean_output", "views"):
            assert row[name] == expected[name], name
        assert row["tags"] == [tag.decode() for tag in expected["tags"]]
        assert (row["content_hash"], row["fingerprint"]) == (expected["content_hash"], "print")
        vectors = np.reshape(expected["sequence_output"], (-1, HIDDEN)).tolist()
        assert row["tokens"] == [
            {"id": id_, "piece": f"piece {id_}", "embedding": vector}
            for id_, vector in zip(expected["input_ids"], vectors, strict=True)
        ]


def test_tokens_with_their_spans_and_no_vectors() -> None:
    lists = {
        "token_pieces": pa.array([[b"x", b"\xe2\x96\x81y"]], pa.large_list(pa.binary())),
        "token_starts": pa.array([[0, 1]], pa.large_list(pa.int64())),
        "token_ends": pa.array([[1, 3]], pa.large_list(pa.int64())),
    }
    layout = make_layout(embeddings=("pooled_output",), hidden_size=HIDDEN, tokens=True)
    (row,) = make_table_rows(make_table_input([2], **lists), layout, (), "f").to_pylist()
    assert row["tokens"] == [
        {"id": 0, "piece": "x", "start": 0, "end": 1},
        {"id": 1, "piece": "▁y", "start": 1, "end": 3},
    ]
    assert list(row) == [
        *("id", "window", "window_start", "truncated", "pooled_output", "tokens", "content_hash", "fingerprint")
    ]


def test_good_rows_pass_as_they_are() -> None:
    rows = make_table_input([2, 3])
    assert check_rows(rows, LAYOUT) == (rows, [])


def vectors(*values: Any) -> pa.Array:
    return pa.array(values, pa.large_list(pa.float32()))


@pytest.mark.parametrize(
    ("columns", "reason", "error"),
    [
        (
            {"pooled_output": vectors([1, 2, 3], [1, float("nan"), 3], [1, 2, 3])},
            "vector not finite",
            "pooled_output holds a null, NaN or infinity, which BigQuery can't index",
        ),
        (
            {"mean_output": vectors([1, 2, 3], [1, 2, float("-inf")], [1, 2, 3])},
            "vector not finite",
            "mean_output holds a null, NaN or infinity, which BigQuery can't index",
        ),
        (
            {"mean_output": vectors([1, 2, 3], [1, None, 3], [1, 2, 3])},
            "vector not finite",
            "mean_output holds a null, NaN or infinity, which BigQuery can't index",
        ),
        (
            {"pooled_output": vectors([1, 2, 3], None, [1, 2, 3])},
            "vector of another width",
            "pooled_output is null; make the run again",
        ),
        (
            {"pooled_output": vectors([1, 2, 3], [1, 2], [1, 2, 3])},
            "vector of another width",
            "pooled_output has 2 values, not 3; make the run again",
        ),
        (
            {"sequence_output": float_lists(np.ones(26, np.float32), np.array([6, 8, 12]))},
            "vector of another width",
            "sequence_output has 8 values, not 9; make the run again",
        ),
        (
            {"id": pa.array([b"a", b"\xff", b"c"])},
            "invalid UTF-8",
            "the field 'id' is not UTF-8, as BigQuery's strings must be: b'\\xff'",
        ),
        (
            {"id": pa.array([b"a", None, b"c"])},
            "missing id",
            "the row has no id; give --id-field a field that every record has",
        ),
        (
            {"tags": pa.array([[], [b"a", b"\xfe"], []], pa.large_list(pa.binary()))},
            "invalid UTF-8",
            "the field 'tags' is not UTF-8, as BigQuery's strings must be: [b'a', b'\\xfe']",
        ),
    ],
)
def test_rows_that_bigquery_cannot_hold(columns: dict[str, pa.Array], reason: str, error: str) -> None:
    rows = replace(make_table_input([2, 3, 4]), **columns)
    good, (failure,) = check_rows(rows, LAYOUT)
    assert good.column("id").to_pylist() == rows.column("id").take(pa.array([0, 2])).to_pylist()
    assert (failure.stage, failure.reason, failure.window) == ("write", reason, 0)
    assert failure.error == error
    assert failure.id == (rows.column("id")[1].as_py() or b"")


def test_rows_that_are_too_large() -> None:
    rows = make_table_input([2, 40, 3])
    sizes = measure_rows(rows, LAYOUT).tolist()
    # 4 numbers, two vectors of 3, the id, two fingerprints; 18 and a vector of 3 for each token; views and tags.
    fixed = 32 + 48 + (2 + 5) + (2 + 16) + (2 + 64)
    assert sizes == [fixed + 2 * 42 + 8, fixed + 40 * 42 + 8 + 3, fixed + 3 * 42 + 8 + 6]
    good, (failure,) = check_rows(rows, LAYOUT, max_row_bytes=1000)
    assert good.num_rows == 2
    assert (failure.id, failure.reason) == (b"row 1", "row too large")
    assert failure.error == (
        f"the row has {sizes[1]:,} bytes, BigQuery takes at most 1,000: lower --max-tokens, leave sequence out of "
        "--embeddings, or choose --bigquery-method file_loads, which takes the most"
    )


def test_a_load_file_is_parquet_of_whole_row_groups() -> None:
    format_ = LoadFormat(layout=LAYOUT, pieces=PIECES, fingerprint="f", row_group_bytes=2000)
    format_ = pickle.loads(pickle.dumps(format_))
    content = io.BytesIO()
    file = format_.open_writer(content)
    batches = [make_table_input([2, 3, 4], first=first) for first in (0, 10, 20, 30)]
    sizes = []
    for batch in batches:
        file.write(batch)
        sizes.append(file.size)
    file.finish()
    read = pq.ParquetFile(content)
    expected = pa.Table.from_batches([make_table_rows(batch, LAYOUT, PIECES, "f") for batch in batches])
    assert read.read().cast(LAYOUT.arrow_schema).equals(expected)
    assert sizes == sorted(sizes) and sizes[0] > 0
    assert 1 < read.metadata.num_row_groups < len(batches)


@pytest.mark.filterwarnings("error")
def test_an_abandoned_load_file_does_not_ask_for_its_end() -> None:
    content = io.BytesIO()
    file = LoadFormat(layout=LAYOUT, pieces=PIECES, fingerprint="f").open_writer(content)
    file.write(make_table_input([2, 3]))
    file.abandon()
    content.close()
    del file
    gc.collect()  # a writer that still wants to write would say so here


def test_the_step_that_checks_rows_after_pickling() -> None:
    step = pickle.loads(pickle.dumps(make_check_rows(LAYOUT, 100_000)))._step
    rows = make_table_input([3, 4], id=pa.array([b"good", b"\xff"], pa.binary()))
    (good, failed) = step.process(rows)
    assert good.column("id").to_pylist() == [b"good"] and failed.value.category == "write: invalid UTF-8"
