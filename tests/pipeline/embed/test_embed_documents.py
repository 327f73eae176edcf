"""`embed --embeddings document` through the command line, against means made by hand from the windows' tokens."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from albert_embed import read_document_embeddings, read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.inspect_output import inspect_output
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.storage.output_error import OutputError
from tests.pipeline.embed_command import embed_command
from tests.tiny_model import CORPUS

pytestmark = pytest.mark.integration

TEXTS = CORPUS.read_text(encoding="utf-8").splitlines()[:30]
DOCUMENTS = {f"d{number}": " ".join(TEXTS[number : number + 1 + number % 5]) for number in range(20)}


def write_corpus(path: Path, documents: dict[str, str], *more: dict[str, str]) -> None:
    records = [{"id": name, "text": text, "title": name.upper()} for name, text in documents.items()]
    path.write_text("".join(json.dumps(record) + "\n" for record in [*records, *more]), encoding="utf-8")


def embed(model: Path, corpus: Path, output: Path, *more: str) -> int:
    windows = ["--max-tokens", "16", "--long-documents", "window", "--window-overlap", "4"]
    return main(embed_command(model, corpus, output, *windows, *more))


def read_documents(output: Path) -> dict[bytes, dict[str, Any]]:
    rows = [row for batch in read_document_embeddings(str(output)) for row in batch.to_pylist()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def mean_of_windows(output: Path) -> dict[bytes, tuple[int, int, np.ndarray]]:
    """Windows, tokens and vector of each document, from every token's own vector."""
    vectors: dict[bytes, list[np.ndarray]] = defaultdict(list)
    for batch in read_embeddings(str(output)):
        for row in batch.to_pylist():
            vectors[row["id"]].append(np.reshape(row["sequence_output"], [len(row["input_ids"]), -1]))
    means = {}
    for name, parts in vectors.items():
        tokens = np.concatenate(parts).astype(np.float64)
        means[name] = (len(parts), len(tokens), tokens.mean(axis=0))
    return means


@pytest.mark.parametrize("workers", [[], ["--direct_num_workers", "2", "--direct_running_mode", "multi_threading"]])
@pytest.mark.parametrize(("sinks", "encoding"), [("tfrecord,parquet", "float_list"), ("tfrecord", "float16_bytes")])
def test_a_row_per_document(tiny_model: Path, tmp_path: Path, sinks: str, encoding: str, workers: list[str]) -> None:
    write_corpus(tmp_path / "a.jsonl", DOCUMENTS)
    output = tmp_path / "out"
    options = ["--embeddings", "document,sequence", "--keep-fields", "title", "--sink", sinks, "--encoding", encoding]
    assert embed(tiny_model, tmp_path / "a.jsonl", output, *options, *workers) == 0
    expected, found = mean_of_windows(output), read_documents(output)
    assert found.keys() == expected.keys() == {name.encode() for name in DOCUMENTS}
    assert max(windows for windows, _, _ in expected.values()) > 5
    tolerance = 1e-5 if encoding == "float_list" else 2e-2
    for name, (windows, tokens, vector) in expected.items():
        row = found[name]
        assert list(row) == ["id", "windows", "tokens", "document_output", "title"]
        assert (row["windows"], row["tokens"], row["title"]) == (windows, tokens, name.upper())
        np.testing.assert_allclose(row["document_output"], vector, rtol=0, atol=tolerance)
    rows = next(read_embeddings(str(output)))
    assert "mean_output" not in rows.schema.names and "sequence_output" in rows.schema.names
    inspection = inspect_output(str(output))
    assert inspection.counts.document_rows == len(DOCUMENTS)
    assert inspection.dimensions == {"sequence_output": 16, "document_output": 16}
    assert 'name: "document_output"' in (output / "_schema" / "documents.pbtxt").read_text()
    if "parquet" in sinks:
        tables = [pq.read_table(path) for path in sorted(output.glob("documents/parquet/*.parquet"))]
        ids = [name for table in tables for name in table.column("id").to_pylist()]
        assert ids == [name.decode() for name in found]
    example = tf.train.Example.FromString(
        next(
            tf.data.TFRecordDataset(
                [str(path) for path in output.glob("documents/tfrecord/*.tfrecord")]
            ).as_numpy_iterator()
        )
    )
    assert set(example.features.feature) == {"id", "windows", "tokens", "document_output", "title"}


def test_what_can_not_be_one_vector_fails_and_the_rest_is_there(tiny_model: Path, tmp_path: Path) -> None:
    twins = [{"id": "same", "text": "one text"}, {"id": "same", "text": "and another"}]
    again = {"id": "d0", "text": DOCUMENTS["d0"], "title": "D0"}
    write_corpus(tmp_path / "a.jsonl", DOCUMENTS, *twins, again)
    output = tmp_path / "out"
    assert embed(tiny_model, tmp_path / "a.jsonl", output, "--embeddings", "document", "--keep-fields", "title") == 0
    assert read_documents(output).keys() == {name.encode() for name in DOCUMENTS}
    failures = list(read_failures(str(output)))
    assert [(failure["id"], failure["stage"], failure["reason"]) for failure in failures] == [
        ("same", "combine", "id not unique")
    ] * 2
    counts = read_manifest(str(output)).counts
    assert (counts.failures, counts.document_rows, counts.documents) == (2, len(DOCUMENTS), 23)
    (batch, *_) = read_embeddings(str(output))
    assert not {"mean_output", "pooled_output", "document_output"} & set(batch.schema.names)


def test_an_output_that_is_replaced_leaves_no_documents(tiny_model: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "a.jsonl", DOCUMENTS)
    output = tmp_path / "out"
    assert embed(tiny_model, tmp_path / "a.jsonl", output, "--embeddings", "document") == 0
    assert len(list(output.glob("documents/tfrecord/*"))) == 1 and (output / "_schema" / "documents.pbtxt").exists()
    assert embed(tiny_model, tmp_path / "a.jsonl", output, "--incremental") == 2  # and nothing is gone
    assert len(read_documents(output)) == len(DOCUMENTS)
    assert embed(tiny_model, tmp_path / "a.jsonl", output, "--overwrite") == 0
    assert not [path for path in output.rglob("*") if path.is_file() and "documents" in str(path.relative_to(output))]
    with pytest.raises(OutputError, match="was made without document among its --embeddings"):
        list(read_document_embeddings(str(output)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"table": "bq:my-project:search.embeddings", "sinks": ("tfrecord", "bigquery")},
            r"^--embeddings document writes files, not tables",
        ),
    ],
)
def test_what_it_does_not_go_with(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbedOptions(model="m", input=("a.jsonl",), output="o", embeddings=("document",), **more)


def test_speeches_in_windows(tiny_model: Path, tmp_path: Path, shared: Path) -> None:
    corpus, output = shared / "corpora" / "speeches.jsonl.gz", tmp_path / "out"
    options = ["--max-tokens", "128", "--long-documents", "window", "--embeddings", "mean,document"]
    command = embed_command(tiny_model, corpus, output)
    assert main([*command, *options]) == 0
    sums: dict[bytes, np.ndarray] = {}
    tokens: dict[bytes, int] = defaultdict(int)
    for batch in read_embeddings(str(output)):
        for row in batch.select(["id", "input_ids", "mean_output"]).to_pylist():
            n = len(row["input_ids"])
            sums[row["id"]] = sums.get(row["id"], 0) + n * np.array(row["mean_output"], np.float64)
            tokens[row["id"]] += n
    found = read_documents(output)
    assert found.keys() == sums.keys() and len(found) == 124
    for name, row in found.items():
        assert row["tokens"] == tokens[name]
        np.testing.assert_allclose(row["document_output"], sums[name] / tokens[name], rtol=0, atol=1e-6)
