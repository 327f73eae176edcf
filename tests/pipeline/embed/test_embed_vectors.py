"""`embed --normalize --dimensions --encoding int8|binary`, compared with what the float32 run writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from albert_embed import read_document_embeddings, read_embeddings_dataset
from albert_embed.model.export.export import export_model
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.versions import read_manifest
from tests.pipeline.embed_command import embed_command, list_rows
from tests.tiny_model import CORPUS, GOLDEN

pytestmark = pytest.mark.integration

TEXTS = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if line.strip()][:24]
FLAGS = ["--embeddings", "pooled,sequence,mean", "--max-tokens", "16", "--sink", "parquet,tfrecord"]
CUT = ["--dimensions", "8", "--accept-dimensions", "--normalize"]
Rows = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "in.jsonl"
    records = [{"id": str(number), "text": text} for number, text in enumerate(TEXTS)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def embed(model: Path, corpus: Path, output: Path, *flags: str) -> int:
    return main(embed_command(model, corpus, output, *flags))


def read(output: Path) -> Rows:
    return {row["id"].decode(): row for row in list_rows(output)}


@pytest.fixture(scope="module")
def whole(tiny_model: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The rows of the float32 run."""
    output = tmp_path_factory.mktemp("whole") / "out"
    assert embed(tiny_model, corpus, output, *FLAGS) == 0
    return read(output)


def vectors_of(row: dict[str, Any], width: int) -> Iterator[np.ndarray]:
    for name in ("pooled_output", "mean_output", "sequence_output"):
        yield np.reshape(np.array(row[name], np.float64), (-1, width))


def shape(vectors: np.ndarray, dimensions: int | None, *, normalize: bool) -> np.ndarray:
    vectors = vectors[:, :dimensions]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if normalize else vectors


@pytest.fixture(scope="module")
def int8_output(tiny_model: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that cuts, normalises and writes int8."""
    output = tmp_path_factory.mktemp("int8") / "out"
    assert embed(tiny_model, corpus, output, *FLAGS, *CUT, "--encoding", "int8") == 0
    return output


@pytest.fixture(scope="module")
def binary_output(tiny_model: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that writes bits."""
    output = tmp_path_factory.mktemp("binary") / "out"
    assert embed(tiny_model, corpus, output, *FLAGS, "--encoding", "binary") == 0
    return output


def test_floats_that_are_cut_and_normalised(tiny_model: Path, corpus: Path, tmp_path: Path, whole: Rows) -> None:
    output = tmp_path / "out"
    assert embed(tiny_model, corpus, output, *FLAGS, *CUT) == 0
    found = read(output)
    assert found.keys() == whole.keys()
    for name, row in found.items():
        for vectors, expected in zip(vectors_of(row, 8), vectors_of(whole[name], 16), strict=True):
            np.testing.assert_allclose(vectors, shape(expected, 8, normalize=True), atol=1e-6)
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    manifest = read_manifest(str(output))
    assert (manifest.dimensions, manifest.normalized, manifest.hidden_size) == (8, True, 16)
    assert manifest.options["accept_dimensions"] is True


def test_int8_in_every_file_and_reader(int8_output: Path, whole: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    expected = {
        name: [shape(vectors, 8, normalize=True) for vectors in vectors_of(row, 16)] for name, row in whole.items()
    }
    for name, row in read(int8_output).items():
        for found, vectors in zip(vectors_of(row, 8), expected[name], strict=True):
            steps = np.abs(vectors).max(axis=1, keepdims=True) / 127
            assert (np.abs(found - vectors) <= 0.501 * steps + 1e-6).all()
    stored = pq.read_table(int8_output / "parquet")
    assert stored.num_rows == len(TEXTS)
    for row in stored.to_pylist():
        values = np.array(row["mean_output"]) * row["mean_output_scale"]
        np.testing.assert_allclose(values, expected[row["id"]][1][0], atol=0.005)
        assert len(row["sequence_output_scale"]) == len(row["input_ids"])
    count = 0
    for path in int8_output.glob("tfrecord/*.tfrecord"):
        for record in tf.data.TFRecordDataset(str(path)):
            features = tf.train.Example.FromString(record.numpy()).features.feature
            integers = np.frombuffer(features["mean_output"].bytes_list.value[0], np.int8)
            scale = features["mean_output_scale"].float_list.value[0]
            name = features["id"].bytes_list.value[0].decode()
            np.testing.assert_allclose(integers * scale, expected[name][1][0], atol=0.005)
            count += 1
    assert count == len(TEXTS)
    rows = read(int8_output)
    for tensors in read_embeddings_dataset(str(int8_output)):
        row = rows[tensors["id"].numpy().decode()]
        assert tensors["mean_output"].numpy().tolist() == row["mean_output"]
        assert tensors["sequence_output"].numpy().reshape(-1).tolist() == row["sequence_output"]
    manifest = read_manifest(str(int8_output))
    assert (manifest.encoding, manifest.dimensions, manifest.normalized) == ("int8", 8, True)
    capsys.readouterr()
    assert main(["inspect", str(int8_output), "--json"]) == 0
    inspected = json.loads(capsys.readouterr().out)
    assert (inspected["encoding"], inspected["normalized"]) == ("int8", True)
    assert inspected["dimensions"] == {"pooled_output": 8, "sequence_output": 8, "mean_output": 8}


def test_bits_in_every_file_and_reader(binary_output: Path, whole: Rows) -> None:
    for name, row in read(binary_output).items():
        for found, expected in zip(vectors_of(row, 16), vectors_of(whole[name], 16), strict=True):
            np.testing.assert_array_equal(found, np.where(expected > 0, 1, -1))
    stored = pq.read_table(binary_output / "parquet").to_pylist()
    assert len(stored) == len(TEXTS)
    for row in stored:
        assert row["mean_output"] == np.packbits(np.array(whole[row["id"]]["mean_output"]) > 0).tolist()
    for tensors in read_embeddings_dataset(str(binary_output)):
        expected = np.array(whole[tensors["id"].numpy().decode()]["sequence_output"])
        np.testing.assert_array_equal(tensors["sequence_output"].numpy().reshape(-1), np.where(expected > 0, 1, -1))


@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("form", ["int8", "binary"])
def test_search_scores_what_is_stored(
    form: str,
    metric: str,
    int8_output: Path,
    binary_output: Path,
    whole: Rows,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The query, in the shape of the rows, against the rows as they are read; the float32 run gives the query."""
    output = int8_output if form == "int8" else binary_output
    query = np.array(whole["3"]["mean_output"])
    if form == "int8":
        query = shape(query[np.newaxis], 8, normalize=True)[0]
    rows = {name: np.array(row["mean_output"]) for name, row in read(output).items()}
    capsys.readouterr()
    flags = ["--embedding", "mean", "--metric", metric, "-k", "5", "--json"]
    assert main(["search", str(output), TEXTS[3], *flags]) == 0
    hits = json.loads(capsys.readouterr().out)["queries"][0]["hits"]
    scores = {name: float(row @ query) for name, row in rows.items()}
    if metric == "cosine":
        lengths = {name: float(np.linalg.norm(row) * np.linalg.norm(query)) for name, row in rows.items()}
        scores = {name: score / lengths[name] for name, score in scores.items()}
    assert len(hits) == 5
    for hit, expected in zip(hits, sorted(scores.values(), reverse=True), strict=False):
        assert hit["score"] == pytest.approx(expected, abs=1e-4)
        assert hit["score"] == pytest.approx(scores[hit["id"]], abs=1e-4)
    if form == "int8":
        assert hits[0]["id"] == "3"


def test_a_run_with_other_vectors_can_not_add(
    tiny_model: Path, corpus: Path, int8_output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    for flags, difference in (
        ([*CUT], "encoding: 'int8' there, 'float_list' here"),
        ([*CUT[:3], "--encoding", "int8"], "normalized: True there, False here"),
        (["--normalize", "--encoding", "int8"], "dimensions: 8 there, None here"),
    ):
        assert embed(tiny_model, corpus, int8_output, *FLAGS, *flags, "--incremental") == 2
        assert difference in " ".join(capsys.readouterr().err.split())


def test_adding_and_compacting_changes_no_vector(tiny_model: Path, corpus: Path, tmp_path: Path) -> None:
    output, source = tmp_path / "out", tmp_path / "in.jsonl"
    lines = corpus.read_text().splitlines(keepends=True)
    flags = [*FLAGS, *CUT, "--encoding", "int8", "--incremental"]
    source.write_text("".join(lines[:10]))
    assert embed(tiny_model, source, output, *flags) == 0
    source.write_text("".join(lines[5:15]).replace('"text": "', '"text": "again ', 1))
    assert embed(tiny_model, source, output, *flags) == 0
    before = read(output)
    assert len(before) == 15
    assert main(["compact", str(output)]) == 0
    assert read(output) == before
    assert main(["report", str(output), "--output", str(tmp_path / "report.html")]) == 0


def test_documents_are_made_of_whole_vectors(tiny_model: Path, corpus: Path, tmp_path: Path) -> None:
    """A mean of normalised windows would be another vector."""
    flags = ["--embeddings", "document,mean", "--max-tokens", "8", "--long-documents", "window"]
    flags += ["--window-overlap", "2"]
    found = {}
    for name, more in (("whole", []), ("cut", [*CUT, "--encoding", "int8"])):
        assert embed(tiny_model, corpus, tmp_path / name, *flags, *more) == 0
        found[name] = {
            row["id"]: row for batch in read_document_embeddings(str(tmp_path / name)) for row in batch.to_pylist()
        }
    assert max(row["windows"] for row in found["whole"].values()) > 1
    for name, row in found["cut"].items():
        whole = np.array([found["whole"][name]["document_output"]])
        np.testing.assert_allclose(row["document_output"], shape(whole, 8, normalize=True)[0], atol=0.005)
    assert main(["inspect", str(tmp_path / "cut")]) == 0


def test_what_can_not_be_cut_is_refused_before_anything_starts(
    tiny_model: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, message in (
        (["--dimensions", "8"], "says that it was trained for shortened vectors"),
        (["--dimensions", "17", "--accept-dimensions"], "--embeddings pooled have 16 values"),
        (["--dimensions", "0"], "--dimensions must be at least 1, not 0"),
        (["--accept-dimensions"], "--accept-dimensions works only with --dimensions"),
        (["--dimensions", "12", "--accept-dimensions", "--encoding", "binary"], "give --dimensions a multiple of 8"),
        (["--encoding", "int4"], "int4"),
    ):
        capsys.readouterr()
        assert embed(tiny_model, corpus, tmp_path / "out", *flags) == 2
        assert message in " ".join(capsys.readouterr().err.split())
        assert not (tmp_path / "out").exists()


def test_a_model_that_names_its_lengths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of sentence-transformers whose card lists the dimensions of its MatryoshkaLoss."""
    pytest.importorskip("tokenizers")
    folder = tmp_path / "folder"
    for path in (GOLDEN / "made_by_tools" / "sentences_mean").rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(GOLDEN / "made_by_tools" / "sentences_mean")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (folder / "README.md").write_text('{\n "matryoshka_dims": [\n 6,\n 4\n ]\n}\n')
    export_model(source=str(folder), output=tmp_path / "model")
    assert json.loads((tmp_path / "model" / "export.json").read_text())["trained_dimensions"] == [4, 6]
    flags = ["--embeddings", "sentence", "--normalize"]
    corpus = tmp_path / "in.txt"
    corpus.write_text("the harbour was empty\nyes\n")
    assert embed(tmp_path / "model", corpus, tmp_path / "cut", *flags, "--dimensions", "4") == 0
    rows = {tuple(row["input_ids"]): row["sentence_embedding"] for row in read(tmp_path / "cut").values()}
    with np.load(folder / "expected.npz") as expected:
        for number in (0, 2):
            ids = expected["input_ids"][number][expected["attention_mask"][number] == 1]
            vector = expected["sentence_embedding"][number, :4]
            np.testing.assert_allclose(rows[tuple(ids.tolist())], vector / np.linalg.norm(vector), atol=1e-5)
    capsys.readouterr()
    assert embed(tmp_path / "model", corpus, tmp_path / "no", *flags, "--dimensions", "5") == 2
    assert "was trained for vectors of 4, 6 values" in " ".join(capsys.readouterr().err.split())
    assert embed(tmp_path / "model", corpus, tmp_path / "no", "--embeddings", "sentence,mean", "--dimensions", "4") == 2
    assert "not of mean" in " ".join(capsys.readouterr().err.split())
