"""The columns of the table, how they are compared, and names of tables."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from google.cloud.bigquery import SchemaField

from albert_embed.pipeline.bigquery.statements import (
    find_obstacles,
    make_index_statement,
    make_merge_statement,
    make_search_query,
)
from albert_embed.pipeline.bigquery.table_column import TableColumn, compare_columns, read_columns
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.settings.table_name import TableName, names_table
from tests.pipeline.bigquery.table_data import make_layout

LAYOUT = make_layout(
    embeddings=("pooled_output", "sequence_output"),
    hidden_size=4,
    kept=parse_kept_fields(("views:int64", "tags:string[]")),
)
TABLE = TableName(project="my-project", dataset="search", table="embeddings")
# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords
RESERVED_ALIASES = {"NEW", "HASH", "WINDOW", "ROWS", "CURRENT", "GROUPS"}


def test_columns() -> None:
    described = [(column.name, column.describe(), column.mode) for column in LAYOUT.columns()]
    assert described == [
        ("id", "STRING", "REQUIRED"),
        ("window", "INT64", "REQUIRED"),
        ("window_start", "INT64", "REQUIRED"),
        ("truncated", "INT64", "REQUIRED"),
        ("pooled_output", "ARRAY<FLOAT64>", "REPEATED"),
        ("tokens", "ARRAY<STRUCT<id INT64, piece STRING, embedding ARRAY<FLOAT64>>>", "REPEATED"),
        ("views", "INT64", "NULLABLE"),
        ("tags", "ARRAY<STRING>", "REPEATED"),
        ("content_hash", "BYTES", "REQUIRED"),
        ("fingerprint", "STRING", "REQUIRED"),
        ("loaded_at", "TIMESTAMP", "REQUIRED"),
    ]


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ("tokens", "--keep-fields has 'tokens', which is a column of the BigQuery table itself; rename the field"),
        (
            "Loaded_At",
            "--keep-fields has 'Loaded_At', which is a column of the BigQuery table itself; rename the field",
        ),
        ("fingerprint", "--keep-fields has 'fingerprint', which is a column"),
        ("a b", "--keep-fields has 'a b', which can't be a column of BigQuery"),
        ("_table_x", "--keep-fields has '_table_x', which can't be a column of BigQuery"),
    ],
)
def test_kept_fields_that_cannot_be_columns(kept: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        make_layout(embeddings=("pooled_output",), hidden_size=4, kept={kept: FieldType.parse("string")})
    assert str(error.value).startswith(message)


def test_kept_fields_that_differ_in_case() -> None:
    with pytest.raises(ValueError, match=r"has 'a' twice for BigQuery, which ignores the case of names"):
        make_layout(embeddings=("pooled_output",), hidden_size=4, kept=parse_kept_fields(("a:string", "A:string")))


def test_the_same_columns_in_another_order_and_in_sqls_words() -> None:
    found = tuple(
        dataclasses.replace(column, type={"INTEGER": "INT64", "FLOAT": "FLOAT64"}.get(column.type, column.type))
        for column in reversed(LAYOUT.columns())
    )
    extra = TableColumn(name="note", type="STRING", mode="NULLABLE")
    assert compare_columns(LAYOUT.columns(), (*found, extra)) == []


def test_columns_are_called_as_the_api_calls_them() -> None:
    point = SchemaField(
        "point", "STRUCT", mode="REPEATED", fields=[SchemaField("x", "FLOAT64"), SchemaField("on", "BOOL")]
    )
    assert read_columns([SchemaField("views", "INT64", mode="REQUIRED"), point]) == (
        TableColumn(name="views", type="INTEGER", mode="REQUIRED"),
        TableColumn(
            name="point",
            type="RECORD",
            mode="REPEATED",
            fields=(
                TableColumn(name="x", type="FLOAT", mode="NULLABLE"),
                TableColumn(name="on", type="BOOLEAN", mode="NULLABLE"),
            ),
        ),
    )
    assert read_columns([point])[0].describe() == "ARRAY<STRUCT<x FLOAT64, on BOOL>>"


def test_differences_in_words() -> None:
    other = make_layout(
        embeddings=("mean_output", "sequence_output"), hidden_size=4, kept=parse_kept_fields(("views:string",))
    )
    tokens = next(column for column in other.columns() if column.name == "tokens")
    found = tuple(
        dataclasses.replace(tokens, fields=tokens.fields[:2]) if column.name == "tokens" else column
        for column in other.columns()
    )
    owner = TableColumn(name="owner", type="STRING", mode="REQUIRED")
    assert compare_columns(LAYOUT.columns(), (*found, owner)) == [
        "it has no column pooled_output, which is ARRAY<FLOAT64> here",
        "its column tokens is ARRAY<STRUCT<id INT64, piece STRING>>; here it is "
        "ARRAY<STRUCT<id INT64, piece STRING, embedding ARRAY<FLOAT64>>>",
        "its column views is STRING; here it is INT64",
        "it has no column tags, which is ARRAY<STRING> here",
        "its column owner is REQUIRED, and no row here has it",
    ]


def test_names() -> None:
    assert TableName.parse("bq:my-project:search.embeddings") == TABLE
    assert (str(TABLE), TABLE.sql, TABLE.option) == (
        "my-project.search.embeddings",
        "`my-project.search.embeddings`",
        "bq:my-project:search.embeddings",
    )
    assert TableName.parse("bq:example.com:my-project:d.t").project == "example.com:my-project"
    assert not names_table("bucket/bq:x")


@pytest.mark.parametrize("given", ["bq:d.t", "my-project:d.t", "bq:my-project:d", "bq:my-project.d.t", "bq:p:d.t;x"])
def test_what_is_no_name(given: str) -> None:
    with pytest.raises(ValueError) as error:
        TableName.parse(given)
    assert str(error.value).startswith(f"{given!r} does not name a BigQuery table: give bq:PROJECT:DATASET.TABLE")


def test_the_merge_uses_no_reserved_word_as_a_name() -> None:
    staged = dataclasses.replace(TABLE, table="embeddings_staging")
    statement = make_merge_statement(TABLE, staged, LAYOUT)
    quoted = statement.replace("`window`", "").replace("CURRENT_TIMESTAMP", "")
    words = {word.strip("(),").split(".")[0].upper() for word in quoted.split()}
    assert not words & RESERVED_ALIASES
    assert statement.count("CURRENT_TIMESTAMP()") == 2


def test_the_index_statement() -> None:
    assert make_index_statement(TABLE, "pooled_output") == (
        "CREATE VECTOR INDEX IF NOT EXISTS embeddings_pooled_output\n"
        "ON `my-project.search.embeddings`(pooled_output) OPTIONS(index_type = 'IVF', distance_type = 'COSINE')"
    )
    assert "VECTOR_SEARCH(\n  TABLE `my-project.search.embeddings`, 'pooled_output'" in make_search_query(
        TABLE, "pooled_output"
    )


@pytest.mark.parametrize(
    ("found", "obstacles"),
    [
        ({"total_rows": 5000, "shortest": 4, "longest": 4}, []),
        (
            {"total_rows": 4999, "shortest": 4, "longest": 4},
            ["the table has 4,999 rows, an index needs 5,000; VECTOR_SEARCH works without one"],
        ),
        (
            {"total_rows": 0, "shortest": None, "longest": None},
            ["the table has 0 rows, an index needs 5,000; VECTOR_SEARCH works without one"],
        ),
        (
            {"total_rows": 6000, "shortest": 4, "longest": 1024},
            [
                "the vectors of mean_output have from 4 to 1,024 values, an index needs one length; load each model's "
                "into a table of its own"
            ],
        ),
    ],
)
def test_where_no_index_can_be(found: dict[str, Any], obstacles: list[str]) -> None:
    assert find_obstacles("mean_output", **found) == obstacles
