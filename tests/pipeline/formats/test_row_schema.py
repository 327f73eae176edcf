"""`RowSchema`: which rows it describes, and that every format gives back the rows of any schema."""

from __future__ import annotations

import io
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from albert_embed.pipeline.formats.feature_schema import describe_features
from albert_embed.pipeline.formats.registry import FORMATS, make_format
from albert_embed.pipeline.formats.row_schema import Column, RowSchema
from albert_embed.pipeline.formats.row_tensors import make_signature
from albert_embed.pipeline.formats.shard_file import DamagedShardError
from albert_embed.pipeline.settings.embed_choices import ENCODINGS, QUANTIZED, SINKS
from albert_embed.pipeline.settings.field_type import VALUE_TYPES, FieldType
from albert_embed.pipeline.settings.kept_fields import is_reserved, parse_kept_fields
from albert_embed.transforms.rows.columns import TYPES

VALUES = {
    "string": st.text(max_size=3).map(str.encode),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=16, allow_nan=False),
}
TYPES_OF_FIELDS = st.builds(FieldType, value=st.sampled_from(list(VALUE_TYPES.values())), is_list=st.booleans())
NAMES = st.text("abz_ ä", min_size=1, max_size=4).filter(lambda name: not is_reserved(name))


@st.composite
def schemas(draw: st.DrawFn) -> RowSchema:
    """Schemas of rows of either level."""
    embeddings = st.lists(st.sampled_from(["pooled_output", "mean_output", "sequence_output"]), unique=True)
    encoding: Any = draw(st.sampled_from(ENCODINGS))
    schema = RowSchema(
        embeddings=tuple(draw(embeddings)),
        hidden_size=8 if encoding == "binary" else draw(st.integers(1, 3)),
        encoding=encoding,
        kept=draw(st.dictionaries(NAMES, TYPES_OF_FIELDS, max_size=4)),
        tokens=draw(st.booleans()),
    )
    return schema.of_documents() if draw(st.booleans()) else schema


def draw_column(draw: st.DrawFn, column: Column, lengths: list[int], schema: RowSchema) -> pa.Array:
    """A column of values that the encoding holds exactly."""
    one: st.SearchStrategy[Any] = VALUES[column.value.name]
    if column.is_vector and schema.encoding in QUANTIZED:
        one = st.floats(-1000, 1000, width=16)

    def draw_row(tokens: int) -> Any:
        if column.kept:
            return draw(st.none() | (st.lists(one, max_size=3) if column.shape else one))
        if not column.shape:
            return draw(one)
        count = int(np.prod([tokens if size is None else size for size in column.shape]))
        values = draw(st.lists(one, min_size=count, max_size=count))
        if column.is_vector and schema.encoding in QUANTIZED:
            encoding = schema.vector_encoding
            elements, scales = encoding.encode(np.array(values, np.float32).reshape(-1, column.width))
            values = encoding.decode(elements, column.width, scales).reshape(-1).tolist()
        return values

    return pa.array([draw_row(tokens) for tokens in lengths], column.arrow)


@st.composite
def schemas_with_rows(draw: st.DrawFn) -> tuple[RowSchema, pa.RecordBatch]:
    """A schema, and rows of it with the columns in any order."""
    schema = draw(schemas())
    lengths = draw(st.lists(st.integers(2, 4), min_size=1, max_size=4))
    columns = {column.name: draw_column(draw, column, lengths, schema) for column in schema.columns}
    names = draw(st.permutations(list(columns)))
    return schema, pa.RecordBatch.from_pydict({name: columns[name] for name in names})


def without_empty(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with null for a list of nothing: a tf.Example doesn't tell them apart."""
    return [{name: None if value == [] else value for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("format_name", FORMATS)
@given(case=schemas_with_rows(), start=st.integers(0, 1))
@settings(max_examples=25, deadline=None)
def test_rows_come_back_from_a_file(format_name: str, case: tuple[RowSchema, pa.RecordBatch], start: int) -> None:
    schema, rows = case
    rows = rows.slice(min(start, rows.num_rows - 1))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "a")
        format_ = pickle.loads(pickle.dumps(make_format(format_name, schema, {"key": "value"})))
        with path.open("wb") as file, format_.open_writer(file) as writer:
            writer.write(rows)
            writer.write(rows.slice(0, 1))
        found = pa.Table.from_batches(format_.read([str(path)]))
        assert found.schema == schema.arrow
        expected = [*rows.to_pylist(), rows.slice(0, 1).to_pylist()[0]]
        assert without_empty(found.to_pylist()) == without_empty(expected)
        dataset = format_.make_dataset([str(path)])
        assert dataset.element_spec == make_signature(schema)
        for row, tensors in zip(expected, dataset.as_numpy_iterator(), strict=True):
            check_tensors(row, tensors, schema)


def check_tensors(row: dict[str, Any], tensors: dict[str, np.ndarray], schema: RowSchema) -> None:
    for column in schema.columns:
        value = row[column.name]
        if value is None:
            value = [] if column.shape else column.value.default
        assert np.asarray(tensors[column.name]).reshape(-1).tolist() == (value if column.shape else [value])
        for size, wanted in zip(np.shape(tensors[column.name]), column.shape, strict=True):
            assert wanted in (None, size)


@given(case=schemas_with_rows())
@settings(max_examples=25, deadline=None)
def test_the_feature_schema_describes_the_examples(case: tuple[RowSchema, pa.RecordBatch]) -> None:
    schema, rows = case
    content = io.BytesIO()
    with make_format("tfrecord", schema).open_writer(content) as writer:
        writer.write(rows.slice(0, 1))
    example = tf.train.Example.FromString(content.getvalue()[12:-4])
    described = text_format.Parse(describe_features(schema), schema_pb2.Schema())
    scales = {scale.name for column in schema.columns if (scale := schema.scale_column(column))}
    assert {feature.name for feature in described.feature} == scales | {column.name for column in schema.columns}
    assert bool(scales) == (schema.encoding == "int8" and bool(schema.embeddings))
    lists = {schema_pb2.BYTES: "bytes_list", schema_pb2.INT: "int64_list", schema_pb2.FLOAT: "float_list"}
    for feature in described.feature:
        found = example.features.feature[feature.name]
        assert found.WhichOneof("kind") in (lists[feature.type], None)
        count = len(getattr(found, lists[feature.type]).value)
        if feature.HasField("shape"):
            assert count == int(np.prod([dimension.size for dimension in feature.shape.dim]))
        else:
            assert count >= feature.value_count.min
            assert not feature.value_count.max or count <= feature.value_count.max


def test_the_types_are_those_of_the_pipelines_columns() -> None:
    for schema in (
        RowSchema(embeddings=("pooled_output", "mean_output", "sequence_output"), hidden_size=2, tokens=True),
        RowSchema(embeddings=(), hidden_size=2).of_documents(),
    ):
        assert {field.name: field.type for field in schema.arrow} == {name: TYPES[name] for name in schema.arrow.names}


def test_the_order_of_columns() -> None:
    schema = RowSchema(
        embeddings=("sequence_output", "mean_output"), hidden_size=2, kept=parse_kept_fields(("z", "a")), tokens=True
    )
    own = ["id", "window", "window_start", "truncated", "input_ids", "token_pieces", "token_starts", "token_ends"]
    assert [column.name for column in schema.columns] == [*own, "sequence_output", "mean_output", "z", "a"]
    assert schema.arrow.names == [*own, "a", "mean_output", "sequence_output", "z"]
    assert schema.of_documents().arrow.names == ["id", "windows", "tokens", "a", "document_output", "z"]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            RowSchema(embeddings=(), hidden_size=2, tokens=True),
            "the rows have no column 'token_ends', which the output",
        ),
        (RowSchema(embeddings=(), hidden_size=2), "the column 'a' is neither a column of the output nor a kept field"),
    ],
)
def test_rows_of_other_columns_are_refused(format_name: str, schema: RowSchema, message: str) -> None:
    other = RowSchema(embeddings=(), hidden_size=2, kept=parse_kept_fields(("a",) if not schema.tokens else ()))
    rows = pa.RecordBatch.from_pylist([], other.arrow)
    writer = make_format(format_name, schema).open_writer(io.BytesIO())
    with pytest.raises(ValueError, match=f"^{message}"), writer:
        writer.write(rows)


def test_an_embedding_that_no_row_has() -> None:
    with pytest.raises(
        ValueError, match=r"^the row of a window has no embedding 'other_output', only pooled_output, mean_output"
    ):
        RowSchema(embeddings=("pooled_output", "other_output"), hidden_size=4)


def test_a_format_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"^there is no format 'csv' of rows: choose from tfrecord, parquet$"):
        make_format("csv", RowSchema(embeddings=(), hidden_size=1))


def test_every_sink_but_the_table_is_a_format() -> None:
    assert (*FORMATS, "bigquery") == SINKS


def test_records_of_other_rows_are_a_damaged_shard(tmp_path: Path) -> None:
    documents = RowSchema(embeddings=(), hidden_size=1).of_documents()
    values = {"id": [b"a"], "windows": [1], "tokens": [2], "document_output": [[0.5]]}
    path = tmp_path / "a.tfrecord"
    with path.open("wb") as file, make_format("tfrecord", documents).open_writer(file) as writer:
        writer.write(pa.RecordBatch.from_pydict(values, schema=documents.arrow))
    windows = make_format("tfrecord", RowSchema(embeddings=(), hidden_size=1))
    with pytest.raises(DamagedShardError, match=r"a\.tfrecord: the tf\.Examples have no 'window'$"):
        list(windows.read([str(path)]))
