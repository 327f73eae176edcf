"""`embed --dry-run` with tables and buckets, against the emulators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.cloud import bigquery, storage

from albert_embed.pipeline.cli.main import main
from tests.pipeline.dry_run.test_dry_run import rehearse

pytestmark = pytest.mark.integration


def test_a_dry_run_checks_tables_and_loads_nothing(
    capsys: pytest.CaptureFixture[str], dataset: str, tiny_model: Path, tmp_path: Path
) -> None:
    client = bigquery.Client(project="test-project")
    named = f"test-project.{dataset}"
    schema = [bigquery.SchemaField("text", "STRING"), bigquery.SchemaField("views", "STRING", mode="REPEATED")]
    client.create_table(bigquery.Table(f"{named}.source", schema=schema))
    client.create_table(bigquery.Table(f"{named}.taken", schema=schema))
    source = f"bq:test-project:{dataset}"
    flags = ["--model", str(tiny_model), "--input", f"{source}.source", "--output", f"{tmp_path}/out"]
    status, record, problems = rehearse(capsys, *flags, f"{source}.new")
    assert (status, problems) == (0, [])
    assert record["plan"]["input"]["format"] == "bigquery"
    assert record["plan"]["output"]["table"] == f"{source}.new"
    problems = rehearse(capsys, *flags, f"{source}.taken", "--keep-fields", "views:int64", "--text-field", "body")[2]
    assert "there is no column 'body' (--text-field)" in problems[0]
    assert "the column 'views' is ARRAY<STRING>" in problems[0]
    assert problems[1].startswith(f"the rows of this run do not fit into {source}.taken: ")
    assert len(problems) == 2
    absent = source.replace(dataset, "nowhere")
    assert rehearse(capsys, *flags, f"{absent}.t")[2] == [
        f"{absent}.t: there is no dataset nowhere in test-project; make it with `bq mk --dataset test-project:nowhere`"
    ]
    assert list(tmp_path.iterdir()) == []
    tables = {table.table_id for table in client.list_tables(named)}
    assert tables == {"source", "taken"}


def test_a_dry_run_writes_nothing_to_a_bucket(
    capsys: pytest.CaptureFixture[str], bucket: str, tiny_model: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("one text\nanother\n")
    flags = ["--model", str(tiny_model), "--input", str(corpus), "--output", f"{bucket}/out"]
    status, record, problems = rehearse(capsys, *flags)
    assert list(storage.Client().list_blobs(bucket.removeprefix("gs://"))) == []
    assert main(["embed", *flags, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "published"
    assert (status, problems) == (0, [])
    assert record["plan"]["estimate"]["documents"] == 2
