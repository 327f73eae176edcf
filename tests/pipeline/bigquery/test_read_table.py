"""Documents out of BigQuery, against the emulator, with good and bad data."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from albert_embed.pipeline.bigquery.read_table import StreamPart, TableReader, TableStreams, check_fields, make_records
from albert_embed.pipeline.bigquery.table_column import TableColumn
from albert_embed.pipeline.bigquery.table_input import name_kinds
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from tests.pipeline.embed_command import list_rows

COLUMNS = (
    TableColumn(name="id", type="STRING", mode="NULLABLE"),
    TableColumn(name="text", type="STRING", mode="NULLABLE"),
    TableColumn(name="views", type="INTEGER", mode="NULLABLE"),
    TableColumn(name="tags", type="STRING", mode="REPEATED"),
    TableColumn(name="price", type="NUMERIC", mode="NULLABLE"),
)


def test_a_table_has_what_is_asked_for() -> None:
    fields = RecordFields(kept=parse_kept_fields(("views:float", "tags:string[]")), id_required=True)
    check_fields("bq:project:d.t", COLUMNS, fields)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (RecordFields(text="body"), "there is no column 'body' (--text-field)"),
        (RecordFields(text="views"), "the column 'views' is INTEGER, --text-field takes STRING or BYTES"),
        (RecordFields(text="tags"), "the column 'tags' is ARRAY<STRING>, --text-field takes STRING or BYTES"),
        (RecordFields(pair="other"), "there is no column 'other' (--pair-field)"),
        (RecordFields(id="key", id_required=True), "there is no column 'key' (--id-field)"),
        (
            RecordFields(kept=parse_kept_fields(("price:float",))),
            "the column 'price' is NUMERIC, --keep-fields takes FLOAT or INTEGER",
        ),
        (
            RecordFields(kept=parse_kept_fields(("views:int64[]",))),
            "the column 'views' is INTEGER, --keep-fields takes ARRAY<INTEGER> or ARRAY<BOOLEAN>",
        ),
    ],
)
def test_a_table_that_lacks_a_field_is_refused(fields: RecordFields, problem: str) -> None:
    with pytest.raises(ValueError) as error:
        check_fields("bq:project:d.t", COLUMNS, fields)
    assert str(error.value) == (
        f"bq:project:d.t: {problem}. Its columns are: id, text, views, tags, price. Name other fields, or give a "
        "--query that selects them"
    )


def test_rows_are_called_by_their_ids_or_by_what_was_read_of_them() -> None:
    rows = pa.RecordBatch.from_pydict({"id": ["a", None], "text": ["x", None]})
    records = make_records(rows, "bq:project:d.t", "id")
    hashed = content_id(b"None", b"None").decode()
    assert records.positions[:] == ["with id 'a'", f"with hash {hashed}"]
    hashed = content_id(b"'a'", b"'x'").decode()
    assert make_records(rows, "bq:project:d.t", None).positions[0] == f"with hash {hashed}"


def test_kinds_of_a_schema() -> None:
    assert name_kinds(COLUMNS) == {
        "id": "string",
        "text": "string",
        "views": "int64",
        "tags": "string[]",
        "price": "?NUMERIC",
    }


def test_tables_are_known_by_their_prefix() -> None:
    options = EmbedOptions(model="m", input=("bq:my-project:d.t",), output="o", keep_fields=("views:int64",))
    assert options.reads_table
    assert EmbedOptions(model="m", input=(), query="SELECT 1", output="o").reads_table


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": ("bq:d.t",)}, r"^'bq:d.t' does not name a BigQuery table: give bq:PROJECT:DATASET.TABLE"),
        ({"input": ("bq:my-project:d.t",), "format": "csv"}, r"^--format is csv, but --input names a table"),
        ({"input": ("a.parquet",), "format": "bigquery"}, r"^'a.parquet' does not name a BigQuery table"),
        ({"input": ("a.txt",), "query": "SELECT 1"}, r"^--query is an input of its own"),
        ({"input": (), "query": "SELECT 1", "format": "csv"}, r"^--query is an input of its own"),
        ({"input": ()}, r"^--input names no files"),
    ],
)
def test_options_that_contradict_each_other(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbedOptions(**{"model": "m", "output": "o", **changes})


def test_the_reading_step_can_be_sent_to_workers() -> None:
    session = TableStreams(source="bq:project:d.t", streams=("s",), schema=b"schema", id_column="id")
    assert pickle.loads(pickle.dumps(TableReader([session])))._sessions == (session,)
    parts = [StreamPart(session=number, stream=name) for number in (0, 1) for name in ("s", "t")]
    assert pickle.loads(pickle.dumps(parts)) == parts and len({part.key for part in parts}) == 2


@pytest.fixture
def table(dataset: str) -> str:
    """A table of three documents, one without a text, one without an id."""
    from google.cloud import bigquery

    client = bigquery.Client()
    client.query_and_wait(
        f"CREATE TABLE {dataset}.documents (id STRING, text STRING, views INT64, score FLOAT64, tags ARRAY<STRING>)"
    )
    client.query_and_wait(
        f"INSERT INTO {dataset}.documents VALUES "
        "('a', 'the first text', 1, 0.5, ['x', 'y']), ('b', NULL, 2, 1.5, []), (NULL, 'the third text', NULL, NULL, [])"
    )
    return f"bq:test-project:{dataset}.documents"


def embed(model: Path, output: Path, *more: str) -> int:
    return main(["embed", "--model", str(model), "--output", str(output), *more])


@pytest.mark.integration
def test_a_table_is_embedded(table: str, tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert embed(tiny_model, output, "--input", table, "--keep-fields", "views,score,tags") == 0
    rows = {row["id"]: row for row in list_rows(output)}
    hashed = content_id(b"the third text")
    assert sorted(rows) == sorted([b"a", hashed])
    kept = {name: rows[b"a"][name] for name in ("views", "score", "tags")}
    assert kept == {"views": 1, "score": 0.5, "tags": [b"x", b"y"]}
    assert [rows[hashed][name] for name in ("views", "score")] == [None, None]
    (failure,) = read_failures(str(output))
    assert (failure["stage"], failure["reason"]) == ("read", "missing field")
    assert failure["error"].startswith(f"{table}, row with id 'b': the field 'text' is missing or null")


@pytest.mark.integration
def test_what_is_new_in_a_table_is_added(table: str, tiny_model: Path, tmp_path: Path) -> None:
    from google.cloud import bigquery

    output, arguments = tmp_path / "out", ["--input", table, "--incremental"]
    bigquery.Client().query_and_wait(f"DELETE FROM {table.split(':')[2]} WHERE text IS NULL")
    assert embed(tiny_model, output, *arguments) == 0
    assert embed(tiny_model, output, *arguments) == 0
    assert read_manifest(str(output)).generation == 1  # nothing was new
    bigquery.Client().query_and_wait(f"INSERT INTO {table.split(':')[2]} (id, text) VALUES ('d', 'the fourth text')")
    assert embed(tiny_model, output, *arguments) == 0
    manifest = read_manifest(str(output))
    assert (manifest.generation, manifest.counts.documents) == (2, 3)
    assert sorted(row["id"] for row in list_rows(output)) == sorted([b"a", content_id(b"the third text"), b"d"])


@pytest.mark.integration
def test_a_query_is_embedded(table: str, tiny_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    name = table.removeprefix("bq:").replace(":", ".", 1)
    query = f"SELECT id AS key, CONCAT(text, ' and more') AS body, views + 1 AS views FROM `{name}` WHERE views = 1"
    arguments = ["--text-field", "body", "--id-field", "key", "--keep-fields", "views:int64"]
    assert embed(tiny_model, output, "--query", query, *arguments) == 0
    rows = list_rows(output)
    assert [(row["id"], row["views"]) for row in rows] == [(b"a", 2)]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "{table}", "--text-field", "body"], "there is no column 'body' (--text-field)"),
        (["--input", "{table}_2"], "Not found"),
        (["--query", "SELECT nothing FROM `test-project.nowhere.t`"], "--query: "),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(
    arguments: list[str],
    message: str,
    table: str,
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [argument.replace("{table}", table) for argument in arguments]
    assert embed(tiny_model, tmp_path / "out", *given) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out" / "manifest.json").exists()
