"""`embed` into a table, against the emulators: as users run it, killed, repeated, and with what does not fit."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apache_beam.io.filesystems import FileSystems
from google.cloud import bigquery

from albert_embed import read_embeddings, read_embeddings_dataset
from albert_embed.pipeline.bigquery import table_output
from albert_embed.pipeline.bigquery.table_rows import MAX_ROW_BYTES
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.pipeline.storage.output_error import OutputError
from tests.emulators.fixtures import command_environment
from tests.emulators.servers import Emulators
from tests.pipeline.bigquery.table_data import read_table
from tests.tiny_model import CORPUS, ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.integration
TEXTS = CORPUS.read_text(encoding="utf-8").splitlines()[:30]


@pytest.fixture
def table(dataset: str) -> TableName:
    return TableName(project="test-project", dataset=dataset, table="embeddings")


def write_corpus(path: Path, texts: list[str]) -> str:
    records = [{"id": f"d{number}", "text": text, "views": number} for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def command(model: Path, corpus: str, *outputs: str, more: tuple[str, ...] = ()) -> list[str]:
    return [
        *("embed", "--model", str(model), "--input", corpus, "--output", *outputs),
        *("--keep-fields", "views:int64", *more),
    ]


def values(table: TableName, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in read_table(table.sql)]


def test_a_table_beside_a_directory(table: TableName, tiny_model: Path, tmp_path: Path) -> None:
    corpus, output = write_corpus(tmp_path / "c.jsonl", TEXTS), str(tmp_path / "out")
    more = ("--embeddings", "pooled,mean,sequence", "--sink", "parquet,bigquery")
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0
    rows = {row["id"]: row for row in read_table(table.sql)}
    files = {row["id"].decode(): row for batch in read_embeddings(output) for row in batch.to_pylist()}
    assert rows.keys() == files.keys() == {f"d{number}" for number in range(30)}
    for id_, row in files.items():
        assert rows[id_]["views"] == row["views"]
        assert rows[id_]["pooled_output"] == row["pooled_output"]
        assert rows[id_]["mean_output"] == row["mean_output"]
        tokens = rows[id_]["tokens"]
        assert [token["id"] for token in tokens] == row["input_ids"]
        assert (tokens[0]["piece"], tokens[-1]["piece"]) == ("[CLS]", "[SEP]")
        assert np.ravel([token["embedding"] for token in tokens]).tolist() == row["sequence_output"]
    manifest = read_manifest(output)
    assert {shard.format for shard in manifest.shards} == {"parquet"}
    assert manifest.bigquery is not None
    assert (manifest.bigquery.table, manifest.bigquery.rows) == (str(table), 30)
    assert not (tmp_path / "out" / "_staging").exists()


def test_a_table_alone(
    table: TableName, bucket: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "c.jsonl", TEXTS[:5])
    more = ("--temp_location", f"{bucket}/temp", "--json")
    assert main(command(tiny_model, corpus, table.option, more=more)) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["bigquery"]["rows"], printed["bigquery"]["loaded_rows"]) == (5, 5)
    before = read_table(table.sql)
    directory = f"{bucket}/temp/albert-embed/{table}"
    loaded = read_manifest(directory).bigquery
    assert loaded is not None and dataclasses.asdict(loaded) == printed["bigquery"]
    with pytest.raises(OutputError, match=rf"holds no files of embeddings: its rows are in {table}"):
        list(read_embeddings(directory))
    with pytest.raises(OutputError, match=rf"holds no files of embeddings: its rows are in {table}"):
        read_embeddings_dataset(directory)
    assert list(read_failures(directory)) == []
    assert not FileSystems.match([f"{directory}/_staging/*"])[0].metadata_list
    assert main(command(tiny_model, corpus, table.option, more=more)) == 0  # changes nothing
    assert read_table(table.sql) == before


def test_by_the_storage_write_api(table: TableName, tiny_model: Path, tmp_path: Path) -> None:
    corpus, output = write_corpus(tmp_path / "c.jsonl", TEXTS[:5]), str(tmp_path / "out")
    more = ("--bigquery-method", "storage_write", "--embeddings", "mean", "--sink", "parquet,bigquery")
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0
    files = {row["id"].decode(): row for batch in read_embeddings(output) for row in batch.to_pylist()}
    assert {id_: vector for id_, vector in values(table, "id", "mean_output")} == {
        id_: row["mean_output"] for id_, row in files.items()
    }


def test_an_incremental_run_keeps_the_table_up(
    table: TableName, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, more = str(tmp_path / "out"), ("--incremental",)
    corpus = write_corpus(tmp_path / "c.jsonl", TEXTS[:5])
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0
    before = read_table(table.sql)
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0  # nothing new
    assert read_table(table.sql) == before
    write_corpus(tmp_path / "c.jsonl", [TEXTS[0], "changed", *TEXTS[2:7]])
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0
    manifest = read_manifest(output)
    assert manifest.bigquery is not None and manifest.bigquery.rows == 3
    after = read_table(table.sql)
    assert [row["id"] for row in after] == [f"d{number}" for number in range(7)]
    assert [row == old for row, old in zip(after, before, strict=False)] == [True, False, True, True, True]
    files = {row["id"].decode(): row for batch in read_embeddings(output) for row in batch.to_pylist()}
    assert {row["id"]: row["pooled_output"] for row in after} == {
        id_: row["pooled_output"] for id_, row in files.items()
    }
    write_corpus(tmp_path / "c.jsonl", [TEXTS[0], "changed", *TEXTS[2:4]])
    deleting = (*more, "--full-snapshot", "--max-deletions", "3")
    assert main(command(tiny_model, corpus, output, table.option, more=deleting)) == 0  # three documents are gone
    assert read_table(table.sql) == after[:4]
    other = TableName(project="test-project", dataset=table.dataset, table="other")
    assert main(command(tiny_model, corpus, output, other.option, more=more)) == 2
    assert (
        f"{other.option} lacks the rows of the output's earlier runs, which wrote to {table}; give that, or --rebuild"
        in capsys.readouterr().err
    )


def test_a_changed_document_replaces_its_windows(table: TableName, tiny_model: Path, tmp_path: Path) -> None:
    long = " ".join(TEXTS)
    more = ("--long-documents", "window", "--max-tokens", "64", "--window-overlap", "8", "--overwrite")
    output = str(tmp_path / "out")
    corpus = write_corpus(tmp_path / "c.jsonl", [long, TEXTS[0]])
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0
    before = values(table, "id", "window", "content_hash", "loaded_at")
    assert len(before) > 4
    corpus = write_corpus(tmp_path / "c.jsonl", [" ".join(TEXTS[:2]), TEXTS[0]])
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0
    after = values(table, "id", "window", "content_hash", "loaded_at")
    assert [window for id_, window, *_ in after if id_ == "d0"] == list(range(len(after) - 1))
    assert len(after) < len(before)
    assert after[-1] == before[-1]
    assert not {row[2] for row in after[:-1]} & {row[2] for row in before[:-1]}


def kill_when_staged(
    arguments: list[str], emulators: Emulators, staging: Path, pattern: str, *, after: float = 0.0
) -> bool:
    """Runs the command and kills it so many seconds after a file is staged; False where it ended before."""
    with (staging.parent.parent / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            arguments, cwd=ROOT, env=command_environment(emulators), stdout=said, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: process.poll() is not None or any(staging.glob(pattern)))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after)
        return process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_run_killed_at_ten_moments_is_repeated(
    table: TableName, tiny_model: Path, tmp_path: Path, emulators: Emulators, dataset: str
) -> None:
    corpus = write_corpus(tmp_path / "c.jsonl", [f"{number} {TEXTS[number % 30]}" for number in range(4000)])
    undisturbed = TableName(project="test-project", dataset=dataset, table="undisturbed")
    started = time.monotonic()
    assert main(command(tiny_model, corpus, str(tmp_path / "whole"), undisturbed.option)) == 0
    seconds = time.monotonic() - started
    staging = tmp_path / "out" / "_staging"
    arguments = [
        *(sys.executable, "-m", "albert_embed"),
        *command(tiny_model, corpus, str(tmp_path / "out"), table.option, more=("--shard-seconds", "0.2")),
    ]
    # Once each while a shard is written, and when all are and the table is loaded; else at any time after the start.
    moments = [("*/embeddings-*.bigquery", 0.0), ("*/plan.json", 0.0), ("*/plan.json", 0.05)]
    generator = random.Random(7)
    moments += [("*/run.json", seconds * generator.random()) for _ in range(6)]
    # The first is sure to be killed; the others may have ended, on a machine that is fast or busy by turns.
    assert kill_when_staged(arguments, emulators, staging, "*/run.json"), (tmp_path / "said.txt").read_text()
    for name, after in moments:
        kill_when_staged(arguments, emulators, staging, name, after=after)
    if staging.exists():
        assert main(["publish", str(tmp_path / "out")]) == 0  # what was being published
    more = ["--overwrite"] if any((tmp_path / "out").glob("_versions/*.json")) else []
    again = subprocess.run(
        [*arguments, *more], cwd=ROOT, env=command_environment(emulators), capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert more or read_manifest(str(tmp_path / "out")).measured.counters["reused_rows"] > 0
    names = ("id", "window", "content_hash", "views")
    assert values(table, *names) == values(undisturbed, *names)
    assert len({row[:2] for row in values(table, *names)}) == len(values(table, *names)) == 4000
    vectors, expected = (np.array(values(name, "pooled_output")) for name in (table, undisturbed))
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("step", ["_make_table", "index_vectors"])
def test_a_run_that_dies_at_the_table_is_completed_and_refuses_others_until_then(
    alone: bool,
    step: str,
    table: TableName,
    bucket: str,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    corpus = write_corpus(tmp_path / "c.jsonl", TEXTS[:5])
    outputs = [table.option] if alone else [str(tmp_path / "out"), table.option]
    arguments = command(tiny_model, corpus, *outputs, more=("--vector-index", "--temp_location", f"{bucket}/temp"))
    with monkeypatch.context() as patched:
        patched.setattr(table_output.TableOutput, step, lambda *_, **__: 1 / 0)
        assert main(arguments) == 4
    before = [] if step == "_make_table" else read_table(table.sql)
    assert len(before) == (0 if step == "_make_table" else 5)
    directory = f"{bucket}/temp/albert-embed/{table}" if alone else str(tmp_path / "out")
    assert read_manifest(directory).pending_table == str(table)
    assert main([*arguments, *([] if alone else ["--overwrite"])]) == 2
    assert f"the rows of version 1 of {directory} are not in {table} yet: run `albert-embed publish" in (
        capsys.readouterr().err
    )
    assert main(["publish", directory, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "published"
    after = read_table(table.sql)
    assert len(after) == 5 and after[: len(before)] == before
    manifest = read_manifest(directory)
    assert manifest.pending_table is None and manifest.bigquery is not None and manifest.bigquery.rows == 5
    assert main(["publish", directory, "--json"]) == 0  # harmless
    assert json.loads(capsys.readouterr().out)["status"] == "unchanged"
    assert main([*arguments, *([] if alone else ["--overwrite"])]) == 0


def test_a_table_of_other_columns_is_refused_before_anything_is_read(
    table: TableName, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bigquery.Client().query_and_wait(
        f"CREATE TABLE {table.sql} (id STRING NOT NULL, `window` INT64 NOT NULL, pooled_output ARRAY<STRING>)"
    )
    corpus = write_corpus(tmp_path / "c.jsonl", TEXTS[:2])
    assert main(command(tiny_model, corpus, str(tmp_path / "out"), table.option)) == 2
    error = capsys.readouterr().err
    assert "its column pooled_output is ARRAY<STRING>; here it is ARRAY<FLOAT64>" in error
    assert "it has no column views, which is INT64 here" in error
    assert not (tmp_path / "out").exists()


def test_rows_that_do_not_fit(
    table: TableName, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MAX_ROW_BYTES, "file_loads", 3000)
    corpus, output = write_corpus(tmp_path / "c.jsonl", ["short", " ".join(TEXTS)]), str(tmp_path / "out")
    assert main(command(tiny_model, corpus, output, table.option, more=("--embeddings", "sequence"))) == 0
    assert values(table, "id") == [("d0",)]
    (failure,) = read_failures(output)
    assert (failure["id"], failure["stage"], failure["reason"]) == ("d1", "write", "row too large")
    assert "BigQuery takes at most 3,000" in failure["error"]
    assert read_manifest(output).counts.rows == 1


@pytest.mark.parametrize("way", ["print", "run"])
def test_the_vector_index(
    way: str,
    table: TableName,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    corpus = write_corpus(tmp_path / "c.jsonl", TEXTS[:5])
    output, more = str(tmp_path / "out"), ("--vector-index", way, "--overwrite")
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0
    printed = capsys.readouterr().out
    assert "-- no vector index over pooled_output: the table has 5 rows, an index needs 5,000" in printed
    assert "VECTOR_SEARCH(" in printed
    monkeypatch.setattr("albert_embed.pipeline.bigquery.statements.MIN_ROWS", 5)
    statements = []
    query = bigquery.Client.query_and_wait

    def record_index(self: bigquery.Client, sql: str) -> Any:  # the emulator has no vector indexes
        return statements.append(sql) if "VECTOR INDEX" in sql else query(self, sql)

    monkeypatch.setattr(bigquery.Client, "query_and_wait", record_index)
    assert main(command(tiny_model, corpus, output, table.option, more=more)) == 0
    printed = capsys.readouterr().out
    statement = f"CREATE VECTOR INDEX IF NOT EXISTS embeddings_pooled_output\nON {table.sql}(pooled_output)"
    assert statement in printed
    assert [sql.startswith(statement) for sql in statements] == ([True] if way == "run" else [])
    manifest = read_manifest(output)
    assert manifest.bigquery is not None
    assert [index.made for index in manifest.bigquery.vector_indexes] == [way == "run"]


def test_a_table_alone_needs_a_place_for_the_rest(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "c.jsonl", TEXTS[:1])
    assert main(command(tiny_model, corpus, "bq:test-project:d.t")) == 2
    assert "--output with only a table needs --temp_location gs://BUCKET/PATH" in capsys.readouterr().err
