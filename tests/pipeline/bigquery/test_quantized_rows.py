"""Vectors of integers in a table: strings of bytes, and their scales."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import pytest

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.bigquery.append_rows import widen_floats
from albert_embed.pipeline.bigquery.load_format import LoadFormat
from albert_embed.pipeline.bigquery.table_layout import TableLayout
from albert_embed.pipeline.bigquery.table_rows import check_rows, make_table_rows, measure_rows
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.table_name import TableName
from tests.pipeline.bigquery.table_data import PIECES, make_layout, make_table_input, read_table

WIDTH = 16
LENGTHS = [2, 3]
VECTORS = np.random.default_rng(0).standard_normal((len(LENGTHS), WIDTH)).astype(np.float32)
TOKEN_VECTORS = np.random.default_rng(1).standard_normal((sum(LENGTHS), WIDTH)).astype(np.float32)


def make_quantized_layout(encoding: str) -> TableLayout:
    return make_layout(embeddings=("pooled_output", "sequence_output"), hidden_size=WIDTH, encoding=cast(Any, encoding))


def make_quantized_input() -> Any:
    lengths = np.array(LENGTHS)
    rows = make_table_input(
        LENGTHS,
        pooled_output=float_lists(VECTORS, np.full(len(LENGTHS), WIDTH)),
        sequence_output=float_lists(TOKEN_VECTORS, lengths * WIDTH),
    )
    return rows.drop_columns(["mean_output", "views", "tags"])


def test_columns() -> None:
    described = {column.name: (column.describe(), column.mode) for column in make_quantized_layout("int8").columns()}
    assert described["pooled_output"] == ("BYTES", "REQUIRED")
    assert described["pooled_output_scale"] == ("FLOAT64", "REQUIRED")
    assert described["tokens"] == (
        "ARRAY<STRUCT<id INT64, piece STRING, embedding BYTES, embedding_scale FLOAT64>>",
        "REPEATED",
    )
    described = {column.name: (column.describe(), column.mode) for column in make_quantized_layout("binary").columns()}
    assert described["pooled_output"] == ("BYTES", "REQUIRED")
    assert described["tokens"][0] == "ARRAY<STRUCT<id INT64, piece STRING, embedding BYTES>>"
    assert not any(name.endswith("_scale") for name in described)
    assert make_quantized_layout("int8").vectors == ()


@pytest.mark.parametrize("start", [0, 1])
def test_int8(start: int) -> None:
    layout = make_quantized_layout("int8")
    rows = make_quantized_input().slice(start)
    assert check_rows(rows, layout) == (rows, [])
    table = make_table_rows(rows, layout, PIECES, "f")
    assert table.schema == layout.arrow_schema
    token = sum(LENGTHS[:start])
    for row, vector, length in zip(table.to_pylist(), VECTORS[start:], LENGTHS[start:], strict=True):
        check_int8(row["pooled_output"], row["pooled_output_scale"], vector)
        assert len(row["tokens"]) == length
        for struct in row["tokens"]:
            check_int8(struct["embedding"], struct["embedding_scale"], TOKEN_VECTORS[token])
            token += 1


def check_int8(stored: bytes, scale: float, vector: np.ndarray) -> None:
    np.testing.assert_allclose(np.frombuffer(stored, np.int8) * scale, vector, atol=np.abs(vector).max() / 254 * 1.001)


def test_bits() -> None:
    layout = make_quantized_layout("binary")
    table = make_table_rows(make_quantized_input(), layout, PIECES, "f").to_pylist()
    assert [row["pooled_output"] for row in table] == [np.packbits(vector > 0).tobytes() for vector in VECTORS]
    tokens = [token["embedding"] for row in table for token in row["tokens"]]
    assert tokens == [np.packbits(vector > 0).tobytes() for vector in TOKEN_VECTORS]


@pytest.mark.parametrize(("encoding", "vector"), [("float_list", 8 * WIDTH), ("int8", WIDTH + 10), ("binary", 4)])
def test_sizes_are_as_bigquery_counts_them(encoding: str, vector: int) -> None:
    rows = make_quantized_input()
    without = measure_rows(rows, make_layout(embeddings=(), hidden_size=WIDTH))
    tokens = np.array(LENGTHS) * (18 + vector)
    np.testing.assert_array_equal(measure_rows(rows, make_quantized_layout(encoding)) - without, vector + tokens)


@pytest.mark.parametrize("encoding", ["int8", "binary"])
def test_a_load_file_holds_what_the_table_takes(encoding: str) -> None:
    content = io.BytesIO()
    layout = make_quantized_layout(encoding)
    with LoadFormat(layout=layout, pieces=PIECES, fingerprint="f").open_writer(content) as writer:
        writer.write(make_quantized_input())
    table = pq.read_table(content)
    assert table.to_pylist() == make_table_rows(make_quantized_input(), layout, PIECES, "f").to_pylist()
    widened = widen_floats(table).schema
    assert "float" not in str(widened).replace("double", "")


@pytest.mark.parametrize("encoding", ["int8", "binary"])
def test_no_vector_index_of_bytes(encoding: str) -> None:
    with pytest.raises(ValueError) as error:
        EmbedOptions(
            model="m",
            input=("i",),
            output="",
            table="bq:my-project:search.embeddings",
            sinks=("bigquery",),
            vector_index="print",
            encoding=cast(Any, encoding),
        )
    assert str(error.value) == (
        f"--vector-index: BigQuery searches ARRAY<FLOAT64>, and --encoding {encoding} writes BYTES; give another "
        "--encoding, or leave --vector-index out"
    )


@pytest.mark.integration
def test_a_table_and_a_directory_hold_the_same(dataset: str, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one text\nanother text, which is longer\n")
    table = TableName(project="test-project", dataset=dataset, table="vectors")
    flags = ["--embeddings", "mean,sequence", "--encoding", "int8", "--normalize", "--sink", "parquet,bigquery"]
    arguments = ["--model", str(tiny_model), "--input", str(tmp_path / "in.txt"), *flags]
    assert main(["embed", *arguments, "--output", str(tmp_path / "out"), table.option]) == 0
    rows = {row["id"]: row for row in read_table(table.sql)}
    stored = pq.read_table(tmp_path / "out" / "parquet").to_pylist()
    assert len(rows) == len(stored) == 2
    for row in stored:
        found = rows[row["id"]]
        assert np.frombuffer(found["mean_output"], np.int8).tolist() == row["mean_output"]
        assert found["mean_output_scale"] == row["mean_output_scale"]
        vectors = [np.frombuffer(token["embedding"], np.int8).tolist() for token in found["tokens"]]
        assert vectors == row["sequence_output"]
        assert [token["embedding_scale"] for token in found["tokens"]] == row["sequence_output_scale"]
