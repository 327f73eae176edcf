"""Vectors as they are stored, compared with what NumPy and the files' other readers make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tensorflow_metadata.proto.v0 import schema_pb2

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.formats import vector_encoding
from albert_embed.pipeline.formats.feature_schema import describe_features
from albert_embed.pipeline.formats.registry import make_format
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.row_tensors import list_tensors
from albert_embed.pipeline.formats.tf_examples import decode_examples, encode_examples
from albert_embed.pipeline.formats.vector_encoding import find_encoding
from albert_embed.pipeline.settings.embed_choices import ENCODINGS, QUANTIZED, Encoding
from tests.pipeline.embedded_rows import make_rows

WIDTH = 16
LENGTHS = [2, 5, 3]
INT8, BINARY = find_encoding("int8"), find_encoding("binary")
FLOATS = st.floats(-(2.0**127), 2.0**127, width=32)


def make_vectors(count: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)


def make_wide_rows() -> pa.RecordBatch:
    """Rows with two embeddings, of which the first row's is all zeros."""
    pooled = make_vectors(len(LENGTHS))
    pooled[0] = 0
    return (
        make_rows(LENGTHS)
        .drop_columns(["pooled_output", "sequence_output", "mean_output"])
        .append_column("pooled_output", float_lists(pooled, np.full(len(LENGTHS), WIDTH)))
        .append_column("sequence_output", float_lists(make_vectors(sum(LENGTHS), seed=1), np.array(LENGTHS) * WIDTH))
    )


def make_schema(encoding: str) -> RowSchema:
    return RowSchema(
        embeddings=("pooled_output", "sequence_output"), hidden_size=WIDTH, encoding=cast(Encoding, encoding)
    )


def test_an_int8_is_the_same_however_many_vectors_are_encoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = make_vectors(41)
    elements, scales = INT8.encode(vectors)
    monkeypatch.setattr(vector_encoding, "_VECTORS_AT_ONCE", 10)
    in_pieces, their_scales = INT8.encode(vectors)
    assert in_pieces.dtype == np.int8 and their_scales is not None
    np.testing.assert_array_equal(in_pieces, elements)
    np.testing.assert_array_equal(their_scales, scales)


@given(arrays(np.float32, (3, WIDTH), elements=FLOATS))
def test_an_int8_is_off_by_half_a_step_and_writing_it_again_changes_nothing(vectors: np.ndarray) -> None:
    elements, scales = INT8.encode(vectors)
    assert elements.dtype == np.int8 and elements.shape == vectors.shape
    assert scales is not None and scales.dtype == np.float32 and (scales > 0).all()
    found = INT8.decode(elements, WIDTH, scales)
    errors = np.abs(found.astype(np.float64) - vectors)
    assert (errors <= scales.astype(np.float64)[:, np.newaxis] * (0.5 + 1e-6)).all()
    peaks = np.abs(vectors).max(axis=1)
    assert (scales[peaks > 1e-30] <= peaks[peaks > 1e-30] / 127 * (1 + 2**-15)).all()
    again, same_scales = INT8.encode(found)
    np.testing.assert_array_equal(again, elements)
    np.testing.assert_array_equal(same_scales, scales)


@given(arrays(np.float32, (3, WIDTH), elements=FLOATS))
def test_a_bit_says_whether_a_value_is_positive(vectors: np.ndarray) -> None:
    elements, scales = BINARY.encode(vectors)
    assert elements.dtype == np.uint8 and scales is None
    assert elements.tolist() == [
        [int("".join("1" if value > 0 else "0" for value in row[start : start + 8]), 2) for start in (0, 8)]
        for row in vectors
    ]
    found = BINARY.decode(elements, WIDTH)
    np.testing.assert_array_equal(found, np.where(vectors > 0, 1, -1))
    np.testing.assert_array_equal(BINARY.encode(found)[0], elements)


def test_zeros_stay_zeros_in_int8() -> None:
    elements, scales = INT8.encode(np.zeros((2, WIDTH), np.float32))
    assert not elements.any() and scales is not None and (scales > 0).all()
    assert not INT8.decode(elements, WIDTH, scales).any()


@pytest.mark.parametrize("encoding", QUANTIZED)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_no_integer(encoding: Any, value: float) -> None:
    vectors = make_vectors(2)
    vectors[1, 3] = value
    with pytest.raises(ValueError, match=r"^a vector holds NaN or infinity, which can't be stored as integers$"):
        find_encoding(encoding).encode(vectors)


def test_bits_need_a_width_of_whole_bytes() -> None:
    with pytest.raises(ValueError) as error:
        RowSchema(embeddings=("mean_output",), hidden_size=12, encoding="binary")
    assert str(error.value) == (
        "--encoding binary stores 8 values in a byte, and mean_output has 12; give --dimensions a multiple of 8, or "
        "another --encoding"
    )
    RowSchema(embeddings=("mean_output",), hidden_size=12, dimensions=8, encoding="binary")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_reader_gives_the_same(tmp_path: Path, encoding: str) -> None:
    rows, schema = make_wide_rows(), make_schema(encoding)
    read = []
    for name in ("tfrecord", "parquet"):
        format_ = make_format(name, schema)
        path = tmp_path / f"a.{name}"
        with path.open("wb") as file, format_.open_writer(file) as writer:
            writer.write(rows.slice(0, 1))
            writer.write(rows.slice(1))
        read.append(pa.Table.from_batches(format_.read([str(path)])))
        (batch,) = read[-1].combine_chunks().to_batches()
        for tensors, expected in zip(format_.make_dataset([str(path)]), list_tensors(batch, schema), strict=True):
            for column, value in expected.items():
                np.testing.assert_array_equal(tensors[column].numpy(), value, err_msg=column)
    assert read[0].equals(read[1])
    given = np.asarray(rows.column("sequence_output").flatten())
    found = np.asarray(read[0].column("sequence_output").combine_chunks().flatten())
    if encoding == "binary":
        np.testing.assert_array_equal(found, np.where(given > 0, 1, -1))
    else:
        tolerance = {"float16_bytes": 1e-3, "int8": np.abs(given).max() / 254 * 1.001}.get(encoding, 0)
        np.testing.assert_allclose(found, given, atol=tolerance, rtol=tolerance and 1e-3)


def test_parquet_columns_have_types_that_stores_take(tmp_path: Path) -> None:
    rows = make_wide_rows()
    vectors = np.asarray(rows.column("pooled_output").flatten()).reshape(-1, WIDTH)
    for encoding, element, width in (("int8", pa.int8(), WIDTH), ("binary", pa.uint8(), WIDTH // 8)):
        path = tmp_path / f"{encoding}.parquet"
        with path.open("wb") as file, make_format("parquet", make_schema(encoding)).open_writer(file) as writer:
            writer.write(rows)
        table = pq.read_table(path)
        vector = pa.list_(pa.field("element", element, nullable=False), width)
        assert table.schema.field("pooled_output").type == vector
        assert table.schema.field("sequence_output").type == pa.list_(pa.field("element", vector, nullable=False))
        stored = np.stack(table["pooled_output"].to_numpy())
        if encoding == "binary":
            assert "pooled_output_scale" not in table.column_names
            np.testing.assert_array_equal(stored, np.packbits(vectors > 0, axis=1))
            continue
        assert table.schema.field("pooled_output_scale").type == pa.float32()
        scales = table["pooled_output_scale"].to_numpy()
        np.testing.assert_allclose(stored * scales[:, np.newaxis], vectors, atol=np.abs(vectors).max() / 254 * 1.001)
        assert [len(row) for row in table["sequence_output_scale"].to_pylist()] == LENGTHS


@pytest.mark.parametrize("encoding", QUANTIZED)
def test_a_tf_example_is_what_its_schema_says(encoding: str) -> None:
    rows, schema = make_wide_rows(), make_schema(encoding)
    described = text_format.Parse(describe_features(schema), schema_pb2.Schema())
    features = {feature.name: feature for feature in described.feature}
    for serialised, length in zip(encode_examples(rows, schema), LENGTHS, strict=True):
        example = tf.train.Example.FromString(serialised)
        assert set(example.features.feature) == set(features)
        pooled = example.features.feature["pooled_output"].bytes_list.value[0]
        assert len(pooled) == (WIDTH if encoding == "int8" else WIDTH // 8)
        if encoding == "int8":
            assert len(example.features.feature["pooled_output_scale"].float_list.value) == 1
            assert len(example.features.feature["sequence_output_scale"].float_list.value) == length
            assert features["pooled_output_scale"].type == schema_pb2.FLOAT
        assert features["pooled_output"].type == schema_pb2.BYTES


def test_a_row_with_a_part_of_a_vector_is_damaged() -> None:
    rows, schema = make_wide_rows(), make_schema("int8")
    example = tf.train.Example.FromString(encode_examples(rows, schema)[0])
    example.features.feature["pooled_output"].bytes_list.value[0] = b"123"
    with pytest.raises(ValueError, match=r"^pooled_output has rows that are no whole vectors of 16 values$"):
        decode_examples([example.SerializeToString()], schema)
    example = tf.train.Example.FromString(encode_examples(rows, schema)[0])
    del example.features.feature["sequence_output_scale"]
    with pytest.raises(ValueError, match=r"^sequence_output and sequence_output_scale have not as many vectors$"):
        decode_examples([example.SerializeToString()], schema)
