"""Tables of BigQuery as input and as output of a job on the stand-in for Dataflow, which runs each bundle twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystems import FileSystems
from google.cloud import bigquery

from albert_embed import read_embeddings, read_failures
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.settings.table_name import TableName
from tests.engines.dataflow import Dataflow
from tests.pipeline.bigquery.table_data import read_table
from tests.pipeline.reference import Reference
from tests.tiny_model import CORPUS

pytestmark = pytest.mark.integration
TEXTS = {f"d{number}": text for number, text in enumerate(CORPUS.read_text(encoding="utf-8").splitlines()[:40])}
MAX_TOKENS = 32
# With those of tokens, a table has the tokens' ids, too.
EMBEDDINGS = "pooled,mean,sequence"


@pytest.fixture
def table(dataset: str) -> TableName:
    return TableName(project="test-project", dataset=dataset, table="embeddings")


@pytest.fixture
def on_dataflow(repeating_dataflow: Dataflow, bucket: str, remote_model: str) -> list[str]:
    """The command but for input and output."""
    repeating_dataflow.release()
    flags = ["--model", remote_model, "--max-tokens", str(MAX_TOKENS), "--batch-tokens", "256"]
    return ["embed", *flags, *repeating_dataflow.flags(bucket), "--keep-fields", "views:int64"]


def write_corpus(path: str, texts: dict[str, str], *more: str) -> str:
    lines = [json.dumps({"id": id_, "text": text, "views": len(text)}) for id_, text in texts.items()]
    with FileSystems.create(path) as file:
        file.write("".join(f"{line}\n" for line in (*lines, *more)).encode())
    return path


def assert_rows(rows: list[dict[str, Any]], texts: dict[str, str], reference: Reference) -> None:
    """Asserts that there is one row of each text, with what the model gives for it alone."""
    assert sorted(row["id"] for row in rows) == sorted(texts)
    for row in rows:
        text = texts[row["id"]]
        assert row["views"] == len(text)
        reference.assert_row(row, reference.frame(text, MAX_TOKENS))


def read_loaded(table: TableName) -> list[dict[str, Any]]:
    """Returns the rows of a table with their tokens' ids and vectors as in files."""
    return [
        {
            **row,
            "input_ids": [token["id"] for token in row["tokens"]],
            "sequence_output": [value for token in row["tokens"] for value in token["embedding"]],
        }
        for row in read_table(table.sql)
    ]


@pytest.mark.parametrize("method", ["file_loads", "storage_write"])
def test_a_job_loads_each_row_once(
    method: str, on_dataflow: list[str], table: TableName, bucket: str, tiny_model: Path
) -> None:
    source = write_corpus(f"{bucket}/in.jsonl", TEXTS, "no JSON")
    more = ("--embeddings", EMBEDDINGS, "--bigquery-method", method)
    assert main([*on_dataflow, "--input", source, "--output", table.option, *more]) == 0
    assert_rows(read_loaded(table), TEXTS, Reference(tiny_model))
    directory = f"{bucket}/tmp/albert-embed/{table}"
    manifest = read_manifest(directory)
    assert manifest.pending_table is None and manifest.bigquery is not None
    assert (manifest.bigquery.rows, manifest.bigquery.loaded_rows) == (len(TEXTS), len(TEXTS))
    assert [failure["reason"] for failure in read_failures(directory)] == ["invalid JSON"]


def test_a_job_keeps_a_table_up_with_its_files(
    on_dataflow: list[str], table: TableName, bucket: str, tiny_model: Path
) -> None:
    output, reference = f"{bucket}/out", Reference(tiny_model)
    source = write_corpus(f"{bucket}/in.jsonl", TEXTS)
    command = [*on_dataflow, "--embeddings", EMBEDDINGS, "--input", source, "--output", output, table.option]
    command += ["--incremental", "--sink", "parquet,bigquery"]
    assert main(command) == 0
    before = {row["id"]: row for row in read_table(table.sql)}
    texts = {**TEXTS, "d1": "This one has changed.", "new": "And this one is new."}
    for gone in ("d2", "d3"):
        del texts[gone]
    write_corpus(source, texts)
    assert main([*command, "--full-snapshot"]) == 0
    assert_rows(read_loaded(table), texts, reference)
    files = [row for batch in read_embeddings(output) for row in batch.to_pylist()]
    assert_rows([{**row, "id": row["id"].decode()} for row in files], texts, reference)
    kept = [row for row in read_table(table.sql) if row["id"] not in ("d1", "new")]
    assert kept == [before[row["id"]] for row in kept]  # not even loaded again
    assert read_manifest(output).generation == 2


def test_a_job_reads_a_table_and_a_query(on_dataflow: list[str], dataset: str, bucket: str, tiny_model: Path) -> None:
    client = bigquery.Client(project="test-project")
    schema = [bigquery.SchemaField("id", "STRING"), bigquery.SchemaField("text", "STRING")]
    name = f"test-project.{dataset}.documents"
    client.create_table(bigquery.Table(name, [*schema, bigquery.SchemaField("views", "INT64")]))
    rows = [{"id": id_, "text": text, "views": len(text)} for id_, text in TEXTS.items()]
    assert client.insert_rows_json(name, rows) == []
    reference = Reference(tiny_model)
    query = f"SELECT * FROM `{name}` WHERE views > 60"
    for given, texts in (
        (["--input", f"bq:test-project:{dataset}.documents"], TEXTS),
        (["--query", query], {id_: text for id_, text in TEXTS.items() if len(text) > 60}),
    ):
        output = f"{bucket}/{given[0].strip('-')}"
        assert main([*on_dataflow, *given, "--output", output, "--embeddings", "pooled,mean"]) == 0
        found = [row for batch in read_embeddings(output) for row in batch.to_pylist()]
        assert len(texts) > 0 and (len(texts) < len(TEXTS)) == (given[0] == "--query")
        assert_rows([{**row, "id": row["id"].decode()} for row in found], texts, reference)
