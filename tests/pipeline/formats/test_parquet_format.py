"""Parquet shards, read by those who will read them: Arrow, DuckDB, pandas, and BigQuery's rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.formats import shard_file
from albert_embed.pipeline.formats.parquet_format import ParquetFormat
from albert_embed.pipeline.formats.parquet_rows import from_parquet_rows, to_parquet_rows
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.shard_file import DamagedShardError
from albert_embed.pipeline.formats.tf_examples import decode_examples, encode_examples
from albert_embed.pipeline.settings.embed_choices import Encoding
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from tests.pipeline.embedded_rows import HIDDEN, make_rows, make_schema, publish_rows

KEPT = parse_kept_fields(("title:string", "year:int64", "score:float", "tags:string[]", "numbers:int64[]"))
LENGTHS = [2, 5, 3]


def make_kept_rows() -> pa.RecordBatch:
    return make_rows(
        LENGTHS,
        title=pa.array(["é".encode(), None, b""], pa.binary()),
        year=pa.array([1900, None, -1]),
        score=pa.array([0.5, None, -1.5], pa.float32()),
        tags=pa.array([[b"a", "ß".encode()], [], None], pa.large_list(pa.binary())),
        numbers=pa.array([[1], None, []], pa.large_list(pa.int64())),
    )


SCHEMA = make_schema(kept=KEPT)
HALF_SCHEMA = make_schema("float16_bytes", KEPT)


def write(path: Path, batches: list[pa.RecordBatch], *, schema: RowSchema = SCHEMA, **options: Any) -> pq.ParquetFile:
    format_ = ParquetFormat(schema=schema, **options)
    with path.open("wb") as file, format_.open_writer(file) as writer:
        for batch in batches:
            writer.write(batch)
    return pq.ParquetFile(path)


def test_the_schema_of_a_parquet_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", [make_kept_rows()], metadata={"albert_embed.model_fingerprint": "f"})
    vector = pa.list_(pa.field("element", pa.float32(), nullable=False), HIDDEN)

    def lists(type_: pa.DataType) -> pa.DataType:
        return pa.list_(pa.field("element", type_, nullable=False))

    expected = [
        pa.field("id", pa.string(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("window", "window_start", "truncated")),
        pa.field("input_ids", lists(pa.int64()), nullable=False),
        pa.field("mean_output", vector, nullable=False),
        pa.field("numbers", lists(pa.int64())),
        pa.field("pooled_output", vector, nullable=False),
        pa.field("score", pa.float32()),
        pa.field("sequence_output", lists(vector), nullable=False),
        pa.field("tags", lists(pa.string())),
        pa.field("title", pa.string()),
        pa.field("year", pa.int64()),
    ]
    assert file.schema_arrow.remove_metadata().equals(pa.schema(expected))
    assert file.schema_arrow.metadata[b"albert_embed.model_fingerprint"] == b"f"


@pytest.mark.parametrize(("encoding", "elements"), [("float32_bytes", "<f4"), ("float16_bytes", "<f2")])
def test_tokens_of_an_encoding_of_bytes(tmp_path: Path, encoding: Encoding, elements: str) -> None:
    """Written as bytes, read by Arrow and Polars, and of older files, where they are lists, still read as they were."""
    rows, schema = make_kept_rows(), make_schema(encoding, KEPT)
    file = write(tmp_path / "a.parquet", [rows], schema=schema)
    stored = file.schema_arrow.field("sequence_output").type.value_field
    assert stored.type == pa.binary()
    assert stored.metadata[b"albert_embed.elements"] == elements.encode()
    expected = [np.array(row["sequence_output"], elements) for row in rows.to_pylist()]
    by_polars = polars.read_parquet(tmp_path / "a.parquet")["sequence_output"]
    for tokens in (file.read()["sequence_output"].to_pylist(), by_polars):
        for found, values in zip(tokens, expected, strict=True):
            np.testing.assert_array_equal(np.frombuffer(b"".join(found), elements), values)
    (read,) = ParquetFormat(schema=schema).read([str(tmp_path / "a.parquet")])
    table = file.read()
    number = table.schema.get_field_index("sequence_output")
    vector = pa.list_(pa.field("element", pa.from_numpy_dtype(np.dtype(elements)), nullable=False), HIDDEN)
    lists = pa.array([values.reshape(-1, HIDDEN).tolist() for values in expected], pa.list_(vector))
    old = table.set_column(number, "sequence_output", lists).to_batches()[0]
    assert from_parquet_rows(old, schema).equals(read)


def test_bigquery_would_load_it(tmp_path: Path) -> None:
    """Its load jobs take these physical and logical types, and lists of the three levels that the standard has."""
    file = write(tmp_path / "a.parquet", [make_kept_rows()])
    for number in range(file.metadata.num_columns):
        column = file.schema.column(number)
        assert column.physical_type in ("INT64", "FLOAT", "BYTE_ARRAY"), column
        assert column.logical_type.type in ("NONE", "STRING"), column
        assert column.path.split(".")[1:] in ([], ["list", "element"], ["list", "element"] * 2), column.path


@pytest.mark.parametrize("schema", [SCHEMA, HALF_SCHEMA])
def test_rows_come_back_as_from_a_tfrecord(tmp_path: Path, schema: RowSchema) -> None:
    rows = make_kept_rows()
    write(tmp_path / "a.parquet", [rows.slice(0, 1), rows.slice(1)], schema=schema)
    (found,) = ParquetFormat(schema=schema).read([str(tmp_path / "a.parquet")])
    assert found.equals(decode_examples(encode_examples(rows, schema), schema))


def test_all_but_vectors_is_compressed(tmp_path: Path) -> None:
    row_group = write(tmp_path / "a.parquet", [make_kept_rows()]).metadata.row_group(0)
    columns = [row_group.column(number) for number in range(row_group.num_columns)]
    codecs = {column.path_in_schema: column.compression for column in columns}
    vectors = {name: codec for name, codec in codecs.items() if "_output." in name}
    assert set(vectors.values()) == {"UNCOMPRESSED"} and len(vectors) == 3
    assert {codec for name, codec in codecs.items() if name not in vectors} == {"ZSTD"}


@pytest.mark.parametrize("schema", [SCHEMA, HALF_SCHEMA])
def test_slices_are_written_as_they_are(schema: RowSchema) -> None:
    rows = make_kept_rows()
    whole = to_parquet_rows(rows, schema)
    for start, length in ((1, 1), (1, 2), (2, 1), (0, 0)):
        part = to_parquet_rows(rows.slice(start, length), schema)
        assert part.to_pylist() == whole.slice(start, length).to_pylist()
        back = from_parquet_rows(whole.slice(start, length), schema)
        assert back.to_pylist() == from_parquet_rows(part, schema).to_pylist()


def test_row_groups_and_batches_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = [make_kept_rows() for _ in range(8)]
    size = to_parquet_rows(batches[0], SCHEMA).nbytes
    file = write(tmp_path / "a.parquet", batches, row_group_bytes=3 * size)
    assert [file.metadata.row_group(number).num_rows for number in range(3)] == [9, 9, 6]
    format_ = ParquetFormat(schema=SCHEMA)
    monkeypatch.setattr(shard_file, "MAX_BATCH_ROWS", 4)
    counts = [batch.num_rows for batch in format_.read([str(tmp_path / "a.parquet")])]
    assert sum(counts) == 24 and max(counts) == 4
    monkeypatch.setattr(shard_file, "MAX_BATCH_BYTES", 1)
    assert [batch.num_rows for batch in format_.read([str(tmp_path / "a.parquet")])] == [1] * 24


@pytest.mark.parametrize(
    ("column", "value"), [("id", pa.array([b"\xff"], pa.binary())), ("title", pa.array([b"\xff"], pa.binary()))]
)
def test_what_is_no_text_is_refused(column: str, value: pa.Array) -> None:
    rows = make_kept_rows().slice(0, 1)
    rows = rows.set_column(rows.schema.get_field_index(column), column, value)
    with pytest.raises(ValueError, match="Invalid UTF8 payload"):
        to_parquet_rows(rows, SCHEMA)


def test_a_column_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the column 'numbers' is neither a column of the output nor a kept field"):
        to_parquet_rows(make_kept_rows(), make_schema())


@pytest.mark.parametrize("half", [False, True])
def test_duckdb_and_pandas_read_it(tmp_path: Path, half: bool) -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = make_kept_rows()
    write(tmp_path / "a.parquet", [rows], schema=HALF_SCHEMA if half else SCHEMA)
    expected = [
        (row["id"].decode(), row["input_ids"], row["pooled_output"], row["tags"] and [t.decode() for t in row["tags"]])
        for row in rows.to_pylist()
    ]
    query = f"select id, input_ids, pooled_output, tags from '{tmp_path}/a.parquet' order by id"
    assert duckdb.sql(query).fetchall() == expected
    query = (
        f"select sequence_output[2], list_cosine_similarity(pooled_output, pooled_output) from '{tmp_path}/*.parquet'"
    )
    found = duckdb.sql(query).fetchall()
    if half:
        found = [(np.frombuffer(token, "<f2").tolist(), similarity) for token, similarity in found]
    assert [tokens for tokens, _ in found] == [row["sequence_output"][HIDDEN : 2 * HIDDEN] for row in rows.to_pylist()]
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert frame["id"].tolist() == [name for name, *_ in expected]
    assert [vector.tolist() for vector in frame["pooled_output"]] == [vector for *_, vector, _ in expected]
    tokens = frame["sequence_output"][1]
    assert np.stack([np.frombuffer(token, "<f2") for token in tokens] if half else tokens).shape == (5, HIDDEN)
    assert frame["pooled_output"][0].dtype == (np.float16 if half else np.float32)


def test_both_sinks_of_one_output_hold_the_same_rows(tmp_path: Path) -> None:
    rows = [make_kept_rows(), make_rows([1]).slice(0, 0)]
    found = []
    for number, sinks in enumerate((("tfrecord",), ("parquet",), ("parquet", "tfrecord"))):
        publish_rows(tmp_path / str(number), rows[:1], sinks=sinks, kept=KEPT)
        found.append(pa.Table.from_batches(read_embeddings(str(tmp_path / str(number)))))
    assert found[0].num_rows == 3 and found[0].equals(found[1]) and found[0].equals(found[2])


def test_a_changed_byte_of_a_vector_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    group = write(path, [make_kept_rows()]).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    (vectors,) = [column for column in columns if column.path_in_schema.startswith("pooled_output")]
    content = bytearray(path.read_bytes())
    content[vectors.data_page_offset + vectors.total_compressed_size - 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedShardError, match=rf"^{path}: .*CRC checksum verification failed"):
        list(ParquetFormat(schema=SCHEMA).read([str(path)]))
