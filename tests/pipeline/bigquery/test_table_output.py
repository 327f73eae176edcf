"""Load and merge, against the emulator."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystems import FileSystems
from google.api_core import exceptions
from google.cloud import bigquery

from albert_embed.pipeline.bigquery import clients, table_output
from albert_embed.pipeline.bigquery.table_jobs import TableLoadError
from albert_embed.pipeline.bigquery.table_layout import TableLayout
from albert_embed.pipeline.bigquery.table_output import WIDTH_LABEL, TableOutput
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_SCHEMA
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.settings.table_name import TableName
from tests.pipeline.bigquery.table_data import (
    LAYOUT,
    make_layout,
    make_table_input,
    make_windows,
    read_table,
    write_load_file,
)

pytestmark = pytest.mark.integration
RUN = "0123456789abcdef0123"


@pytest.fixture
def table(dataset: str) -> TableName:
    return TableName(project="test-project", dataset=dataset, table="embeddings")


@pytest.fixture
def output(table: TableName) -> TableOutput:
    return TableOutput(table, LAYOUT, staging_name=RUN)


def load(output: TableOutput, folder: str, *batches: pa.RecordBatch, **options: Any) -> Any:
    output.check()
    return output.load([write_load_file(f"{folder}/embeddings-0.bigquery", batches, **options)])


def without_time(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "loaded_at"} for row in rows]


def test_the_table_that_is_made(output: TableOutput, table: TableName, bucket: str) -> None:
    result = load(output, bucket, make_table_input([2, 3]))
    found = bigquery.Client().get_table(str(table))
    assert (found.clustering_fields, found.time_partitioning.field, found.time_partitioning.type_) == (
        ["id"],
        "loaded_at",
        "DAY",
    )
    assert found.labels == {WIDTH_LABEL: "3"}
    assert (result.table, result.loaded_rows, result.rows, result.clashing_ids) == (str(table), 2, 2, 0)
    assert [job_id.rsplit("_", 1)[0] for job_id in result.job_ids] == ["albert_embed_load", "albert_embed_merge"]
    output.drop_staging_tables()
    assert [entry.table_id for entry in bigquery.Client().list_tables(table.dataset)] == ["embeddings"]


def test_files_of_a_bucket_and_of_this_machine(
    output: TableOutput, table: TableName, bucket: str, tmp_path: Path
) -> None:
    here = write_load_file(f"{tmp_path}/embeddings-1.bigquery", [make_table_input([2, 2], first=10)])
    there = write_load_file(f"{bucket}/embeddings-0.bigquery", [make_table_input([3])])
    result = output.load([there, here])
    assert (result.loaded_rows, len(result.job_ids)) == (3, 3)
    assert [row["id"] for row in read_table(table.sql)] == ["row 0", "row 10", "row 11"]


def test_a_repeat_changes_nothing(output: TableOutput, table: TableName, bucket: str) -> None:
    load(output, bucket, make_table_input([2, 3]))
    before = read_table(table.sql)
    load(TableOutput(table, LAYOUT, staging_name=RUN), bucket, make_table_input([2, 3]))
    assert read_table(table.sql) == before


def test_a_changed_document_replaces_all_its_rows(output: TableOutput, table: TableName, bucket: str) -> None:
    load(output, bucket, make_windows(4, content="long"), make_table_input([3], first=7))
    before = read_table(table.sql)
    assert [(row["id"], row["window"]) for row in before] == [*(("row 0", n) for n in range(4)), ("row 7", 0)]
    load(output, bucket, make_windows(2, content="short"))
    after = read_table(table.sql)
    assert [(row["id"], row["window"]) for row in after] == [("row 0", 0), ("row 0", 1), ("row 7", 0)]
    assert [row["content_hash"] for row in after[:2]] == [b"short".rjust(16, b"_")] * 2
    assert after[2] == before[4]
    assert all(row["loaded_at"] > before[0]["loaded_at"] for row in after[:2])


def test_other_settings_replace_the_rows(output: TableOutput, table: TableName, bucket: str) -> None:
    load(output, bucket, make_table_input([2, 3]))
    load(output, bucket, make_table_input([2]), fingerprint="g")
    assert [row["fingerprint"] for row in read_table(table.sql)] == ["g", "f"]


def test_rows_that_come_twice_and_ids_that_clash(
    output: TableOutput, table: TableName, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    twice = make_table_input([2, 3])
    clashing = [make_windows(3, content="b"), make_windows(2, content="a")]
    result = load(output, bucket, twice.slice(1), twice.slice(1), *clashing)
    assert (result.loaded_rows, result.rows, result.clashing_ids) == (7, 4, 1)
    assert [(row["id"], row["window"], row["content_hash"][-1:]) for row in read_table(table.sql)] == [
        ("row 0", 0, b"a"),
        ("row 0", 1, b"a"),
        ("row 1", 0, b"1"),
    ]
    assert "1 ids are shared by documents with different contents" in caplog.text


@pytest.mark.parametrize("method", ["file_loads", "storage_write"])
def test_documents_with_tombstones_lose_the_rows_that_are_not_replaced(
    method: str, output: TableOutput, table: TableName, bucket: str
) -> None:
    load(output, bucket, make_windows(3, content="a"), make_table_input([2, 2, 2], first=1))
    gone = pa.table(
        {
            "id": pa.array([b"row 0", b"row 2", "nö".encode()], pa.binary()),
            "deleted": pa.array([False, True, True]),
            **{name: pa.array([1, 1, 1], pa.int64()) for name in ("documents", "rows", "tokens", "truncated")},
        }
    ).cast(TOMBSTONE_SCHEMA)
    with FileSystems.create(f"{bucket}/tombstones.parquet", compression_type="uncompressed") as file:
        pq.write_table(gone, file)
    path = write_load_file(f"{bucket}/embeddings-1.bigquery", [make_windows(1, content="b")])
    again = TableOutput(table, LAYOUT, staging_name=RUN, method=method)
    again.load([path], [f"{bucket}/tombstones.parquet"])
    assert [(row["id"], row["window"]) for row in read_table(table.sql)] == [("row 0", 0), ("row 1", 0), ("row 3", 0)]
    again.drop_staging_tables()
    assert [entry.table_id for entry in bigquery.Client().list_tables(table.dataset)] == ["embeddings"]


def test_nothing_to_load(output: TableOutput, table: TableName, bucket: str) -> None:
    assert output.load([]).rows == 0
    assert read_table(table.sql) == []
    assert load(output, bucket).loaded_rows == 0


def test_an_answer_that_was_lost_loads_nothing_twice(
    output: TableOutput, table: TableName, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_load_file(f"{bucket}/embeddings-0.bigquery", [make_table_input([2, 3])])
    started = bigquery.Client.load_table_from_uri

    def start_and_lose(self: bigquery.Client, *arguments: Any, **options: Any) -> Any:
        started(self, *arguments, **options).result()
        raise exceptions.Conflict("Already Exists: Job")  # what a second request with its id gets

    monkeypatch.setattr(bigquery.Client, "load_table_from_uri", start_and_lose)
    assert output.load([path]).loaded_rows == 2


def test_a_run_that_died_between_load_and_merge(
    output: TableOutput, table: TableName, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_load_file(f"{bucket}/embeddings-0.bigquery", [make_table_input([2, 3])])
    made = []
    make = bigquery.Client.create_table

    def create_table(client: bigquery.Client, table: bigquery.Table, exists_ok: bool) -> bigquery.Table:
        made.append(table)
        return make(client, table, exists_ok=exists_ok)

    with monkeypatch.context() as patched:
        patched.setattr(bigquery.Client, "create_table", create_table)
        patched.setattr(TableOutput, "_make_table", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            output.load([path])
    (name,) = [entry.table_id for entry in bigquery.Client().list_tables(table.dataset)]
    assert name.startswith("embeddings_staging_0123456789abcdef_")
    assert made[0].expires is not None  # which the emulator forgets
    again = TableOutput(table, LAYOUT, staging_name=RUN)
    assert again.load([path]).loaded_rows == 2
    assert len(read_table(table.sql)) == 2
    again.drop_staging_tables()
    assert [entry.table_id for entry in bigquery.Client().list_tables(table.dataset)] == ["embeddings"]


@pytest.mark.parametrize("method", ["file_loads", "storage_write"])
def test_two_attempts_of_a_run_at_once_do_each_other_no_harm(
    method: str, table: TableName, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second stages, merges and ends while the first is between its load and its merge."""
    first, second = (TableOutput(table, LAYOUT, staging_name=RUN, method=method) for _ in range(2))
    path = write_load_file(f"{bucket}/embeddings-0.bigquery", [make_table_input([2, 3])])
    results: list[Any] = []
    make = TableOutput._make_table

    def overtake(self: TableOutput) -> None:
        if not results:
            results.append(None)
            results.append(second.load([path]))
        make(self)

    monkeypatch.setattr(TableOutput, "_make_table", overtake)
    results.append(first.load([path]))
    assert [result.loaded_rows for result in results[1:]] == [2, 2]
    assert (results[2].inserted, results[2].deleted) in ((0, 0), (None, None))
    assert len(read_table(table.sql)) == 2


def test_an_attempt_that_comes_too_late_finds_its_staging_table_gone(
    output: TableOutput, table: TableName, bucket: str
) -> None:
    load(output, bucket, make_table_input([2], first=7))
    before = read_table(table.sql)
    late = TableOutput(table, LAYOUT, staging_name=RUN)
    path = write_load_file(f"{bucket}/embeddings-1.bigquery", [make_table_input([2, 3])])
    with pytest.raises(TableLoadError):
        late.load([path], check=output.drop_staging_tables)
    assert read_table(table.sql) == before


def test_a_job_that_fails_leaves_the_table(output: TableOutput, table: TableName, bucket: str) -> None:
    load(output, bucket, make_table_input([2]))
    before = read_table(table.sql)
    with pytest.raises(TableLoadError) as error:
        output.load([f"{bucket}/nowhere.bigquery"])
    assert str(error.value).startswith(f"{table.option}: the job albert_embed_load_")
    assert str(error.value).endswith("A table changes as a whole or not at all")
    assert isinstance(error.value.__cause__, exceptions.GoogleAPICallError)
    assert read_table(table.sql) == before


def test_a_network_that_fails_is_no_wrong_usage(
    output: TableOutput, table: TableName, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_load_file(f"{bucket}/embeddings-0.bigquery", [make_table_input([2])])

    def refuse(*arguments: Any, **options: Any) -> None:
        raise ConnectionError("the network is unreachable")

    monkeypatch.setattr(bigquery.Client, "load_table_from_uri", refuse)
    with pytest.raises(TableLoadError, match=r"failed: the network is unreachable\. A table changes"):
        output.load([path])


def test_a_dataset_that_is_not_there(table: TableName, emulators: object) -> None:
    nowhere = dataclasses.replace(table, dataset="nowhere")
    with pytest.raises(ValueError) as error:
        TableOutput(nowhere, LAYOUT, staging_name=RUN).check()
    assert str(error.value) == (
        "bq:test-project:nowhere.embeddings: there is no dataset nowhere in test-project; make it with "
        "`bq mk --dataset test-project:nowhere`"
    )


def test_a_table_of_other_columns_is_refused_in_words(output: TableOutput, table: TableName, bucket: str) -> None:
    load(output, bucket, make_table_input([2]))
    other = make_layout(embeddings=("mean_output",), hidden_size=3, kept=parse_kept_fields(("views:string",)))
    fewer = make_layout(embeddings=("mean_output",), hidden_size=3)
    TableOutput(table, fewer, staging_name=RUN).check()
    with pytest.raises(ValueError) as error:
        TableOutput(table, other, staging_name=RUN).check()
    assert str(error.value) == (
        f"the rows of this run do not fit into {table.option}: its column views is INT64; here it is STRING. Give "
        "another table, or other --embeddings and --keep-fields, or alter that one"
    )


@pytest.mark.parametrize("labelled", [True, False])
def test_vectors_of_another_width_are_refused(
    output: TableOutput, table: TableName, bucket: str, labelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(output, bucket, make_table_input([2]))
    if not labelled:
        monkeypatch.setattr(table_output, "WIDTH_LABEL", "another_label")
    wider = TableLayout(rows=dataclasses.replace(LAYOUT.rows, hidden_size=768))
    with pytest.raises(ValueError, match=r"its vectors have 3 values; here they have 768\. Give another table"):
        TableOutput(table, wider, staging_name=RUN).check()


def test_no_credentials(table: TableName, monkeypatch: pytest.MonkeyPatch) -> None:
    from google.auth.exceptions import DefaultCredentialsError

    def refuse(project: str) -> None:
        raise DefaultCredentialsError("none were found")

    monkeypatch.setattr(clients, "make_client", refuse)
    with pytest.raises(ValueError, match=r"embeddings: no credentials for Google Cloud were found"):
        TableOutput(table, LAYOUT, staging_name=RUN)
