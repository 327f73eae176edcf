"""The file for Embedding Atlas: its columns, its neighbours against a plain computation, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.vectors.project_vectors import find_principal_components
from albert_embed.pipeline.vectors.report_options import ReportOptions
from albert_embed.pipeline.vectors.sample_rows import RowSample
from albert_embed.pipeline.vectors.write_atlas import find_all_neighbours, write_atlas
from tests.tiny_model import CORPUS

NEIGHBOURS = pa.struct([("ids", pa.list_(pa.int64())), ("distances", pa.list_(pa.float32()))])


def make_sample(vectors: np.ndarray, **columns: list[Any]) -> RowSample:
    rows = [
        {"id": b"row %d" % row, **{name: values[row] for name, values in columns.items()}}
        for row in range(len(vectors))
    ]
    return RowSample(rows=rows, vectors=vectors, row_count=100, lengths=np.zeros(1, np.int64), truncated=0)


def list_neighbours(vectors: np.ndarray, count: int) -> list[list[tuple[int, float]]]:
    """The nearest other rows of each, by a plain computation in float64."""
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    distances = 1 - unit @ unit.T
    return [
        [(other, row[other]) for other in sorted(range(len(unit)), key=lambda other: row[other]) if other != number][
            :count
        ]
        for number, row in enumerate(distances)
    ]


def test_neighbours_are_those_of_a_plain_computation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albert_embed.pipeline.vectors.write_atlas._MAX_COSINES", 100)  # blocks of a few rows
    vectors = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    for found, expected in zip(find_all_neighbours(vectors, 4), list_neighbours(vectors, 4), strict=True):
        assert found["ids"] == [other for other, _ in expected]
        np.testing.assert_allclose(found["distances"], [distance for _, distance in expected], atol=1e-6)


def test_the_file_has_texts_places_neighbours_and_kept_fields(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32)
    sample = make_sample(vectors, year=[*range(11), None], text=[b"\xff", *[b"text"] * 11], tags=[[b"a"]] * 12)
    path = str(tmp_path / "atlas.parquet")
    written = write_atlas(sample, path, method="pca", seed=0, vectors=True)
    assert (written.path, written.rows, written.row_count) == (path, 12, 100)
    table = pq.read_table(path)
    assert table.schema.names == ["id", "text", "x", "y", "neighbors", "year", "tags", "vector"]
    types = {field.name: field.type for field in table.schema}
    assert types["id"] == types["text"] == pa.string()
    assert types["x"] == types["y"] == pa.float32()
    assert types["neighbors"].equals(NEIGHBOURS)
    assert table["id"].to_pylist() == [f"row {row}" for row in range(12)]
    assert table["text"].to_pylist() == ["\\xff", *["text"] * 11]
    assert table["year"].to_pylist() == [*range(11), None]
    assert table["tags"].to_pylist() == [["a"]] * 12
    assert (np.array(table["vector"].to_pylist(), np.float32) == vectors).all()
    coordinates = find_principal_components(vectors)[0]
    assert (np.column_stack([table["x"], table["y"]]) == coordinates).all()
    assert [len(row["ids"]) for row in table["neighbors"].to_pylist()] == [10] * 12


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows(tmp_path: Path, rows: int) -> None:
    path = str(tmp_path / "atlas.parquet")
    write_atlas(make_sample(np.ones((rows, 3), np.float32)), path, method="pca", seed=0)
    table = pq.read_table(path)
    assert table.schema.names == ["id", "x", "y", "neighbors"]
    assert [row["ids"] for row in table["neighbors"].to_pylist()] == [[], [[]], [[1], [0]]][rows]


def test_options_of_the_file_without_it_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^--atlas-rows and --atlas-vectors are about the file of --atlas; give that"):
        ReportOptions(directory="d", atlas_rows=5)
    with pytest.raises(ValueError, match=r"^--atlas-rows must be at least 1, not 0$"):
        ReportOptions(directory="d", atlas="a", atlas_rows=0)
    with pytest.raises(ValueError, match=r"^--map is 'pcb'|--map.*'pcb'"):
        ReportOptions(directory="d", map="pcb")  # type: ignore[arg-type]


@pytest.mark.integration
def test_the_command_writes_page_and_file(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = CORPUS.read_text(encoding="utf-8").splitlines()[:40]
    lines = [json.dumps({"id": f"d{number}", "text": text, "year": number}) for number, text in enumerate(texts)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    output, atlas = str(tmp_path / "out"), str(tmp_path / "atlas.parquet")
    arguments = ["--model", str(tiny_model), "--input", str(tmp_path / "corpus.jsonl"), "--output", output]
    assert main(["embed", *arguments, "--embeddings", "mean", "--keep-fields", "text,year:int64"]) == 0
    capsys.readouterr()
    assert main(["report", output, "--map", "tsne", "--atlas", atlas, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["atlas"], record["atlas_rows"], record["rows"]) == (atlas, 40, 40)
    page = Path(record["page"]).read_text()
    assert "t-SNE of the cosines (perplexity 13, seed " in page
    table = pq.read_table(atlas)
    rows = {row["id"].decode(): row for batch in read_embeddings(output) for row in batch.to_pylist()}
    assert sorted(table["id"].to_pylist()) == sorted(rows)
    for row in table.to_pylist():
        assert (row["text"], row["year"]) == (rows[row["id"]]["text"].decode(), rows[row["id"]]["year"])
    vectors = np.array([rows[name]["mean_output"] for name in table["id"].to_pylist()], np.float32)
    for found, expected in zip(table["neighbors"].to_pylist(), list_neighbours(vectors, 10), strict=True):
        np.testing.assert_allclose(found["distances"], [distance for _, distance in expected], atol=1e-5)

    assert main(["report", output, "--atlas", atlas, "--atlas-rows", "15", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["atlas_rows"] == 15
    few = pq.read_table(atlas)["id"].to_pylist()
    assert len(set(few)) == 15 and set(few) < set(rows)
