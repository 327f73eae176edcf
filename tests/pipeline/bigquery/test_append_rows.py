"""The Storage Write API, against the emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from albert_embed.pipeline.bigquery import append_rows
from albert_embed.pipeline.bigquery.append_rows import AppendError, cut_batch, widen_floats
from albert_embed.pipeline.bigquery.table_jobs import TableLoadError
from albert_embed.pipeline.bigquery.table_output import TableOutput
from albert_embed.pipeline.bigquery.table_rows import make_table_rows
from albert_embed.pipeline.settings.table_name import TableName
from tests.pipeline.bigquery.table_data import LAYOUT, PIECES, make_table_input, read_table, write_load_file


def test_batches_are_cut_to_the_size_of_a_request() -> None:
    batch = pa.RecordBatch.from_pydict({"x": pa.array(range(1000))})
    parts = list(cut_batch(batch, 1000))
    assert pa.Table.from_batches(parts).to_batches()[0].schema == batch.schema
    assert [value for part in parts for value in part.column(0).to_pylist()] == list(range(1000))
    assert max(pa.ipc.get_record_batch_size(part) for part in parts) <= 1000
    assert [part.num_rows for part in cut_batch(batch.slice(0, 3), 1)] == [1, 1, 1]  # no smaller than a row
    assert list(cut_batch(batch.slice(0, 0), 1)) == []


def test_floats_are_widened_wherever_they_are() -> None:
    table = widen_floats(make_table_rows(make_table_input([2, 3]), LAYOUT, PIECES, "f"))
    assert table.schema.field("pooled_output").type == pa.list_(pa.float64())
    assert table.schema.field("tokens").type.value_type.field("embedding").type == pa.list_(pa.float64())
    assert table.column("views").to_pylist() == [0, 1]
    assert table.column("pooled_output").to_pylist() == [[0.0, 0.25, 0.5], [0.75, 1.0, 1.25]]


@pytest.fixture
def table(dataset: str) -> TableName:
    return TableName(project="test-project", dataset=dataset, table="embeddings")


@pytest.fixture
def output(table: TableName) -> TableOutput:
    return TableOutput(table, LAYOUT, staging_name="0123456789abcdef", method="storage_write")


@pytest.mark.integration
def test_the_rows_are_those_of_load_jobs(
    output: TableOutput, table: TableName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [
        write_load_file(f"{tmp_path}/embeddings-{number}.bigquery", [make_table_input([2, 3, 40], first=10 * number)])
        for number in range(3)
    ]
    monkeypatch.setattr(append_rows, "MAX_REQUEST_BYTES", 2000)
    result = output.load(paths)
    assert (result.loaded_rows, result.rows) == (9, 9)
    assert [job_id.rsplit("_", 1)[0] for job_id in result.job_ids] == ["albert_embed_merge"]
    appended = read_table(table.sql)
    by_jobs = TableOutput(
        TableName(project="test-project", dataset=table.dataset, table="other"), LAYOUT, staging_name="0" * 16
    )
    by_jobs.load(paths)
    loaded = read_table(by_jobs.table.sql)
    for row in (*appended, *loaded):
        row.pop("loaded_at")
    assert appended == loaded
    output.load(paths)
    assert len(read_table(table.sql)) == 9


@pytest.mark.integration
def test_no_rows(output: TableOutput, table: TableName, tmp_path: Path) -> None:
    assert output.load([write_load_file(f"{tmp_path}/embeddings.bigquery", [])]).rows == 0
    assert read_table(table.sql) == []


@pytest.mark.integration
def test_rows_that_are_lost_are_an_error(
    output: TableOutput, table: TableName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_load_file(f"{tmp_path}/embeddings.bigquery", [make_table_input([2, 3])])
    output.load([path])
    make_requests = append_rows._make_requests

    def lose_one(stream: str, content: pa.Table, offset: int, largest: int) -> Any:
        return make_requests(stream, content.slice(1), offset, largest)

    monkeypatch.setattr(append_rows, "_make_requests", lose_one)
    with pytest.raises(TableLoadError, match=r"has 2 rows, 1 arrived in .*The table is as it was") as error:
        output.load([path])
    assert isinstance(error.value.__cause__, AppendError)
    assert len(read_table(table.sql)) == 2
