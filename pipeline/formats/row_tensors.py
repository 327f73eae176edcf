"""Converts rows to dicts of tensors, as a `tf.data.Dataset` yields them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from albert_embed.pipeline.formats.row_schema import Column, RowSchema
from albert_embed.pipeline.formats.vector_encoding import VectorEncoding


def make_signature(schema: RowSchema) -> dict[str, tf.TensorSpec]:
    """Makes the spec of each column's tensor: its type and shape, with None for the number of tokens or list values."""
    return {
        column.name: tf.TensorSpec(column.shape, tf.as_dtype(column.value.tensor)) for column in schema.sorted_columns
    }


def parse_example(example: tf.Tensor, schema: RowSchema) -> dict[str, tf.Tensor]:
    """Parses a serialised tf.Example (string []) into tensors of `make_signature`, in graph mode."""
    features = {column.name: _parsing_feature(column, schema) for column in schema.sorted_columns}
    for column in schema.sorted_columns:
        scale = schema.scale_column(column)
        if scale is not None:
            features[scale.name] = tf.io.RaggedFeature(tf.float32)
    parsed = tf.io.parse_single_example(example, features)
    return {column.name: _shape_values(parsed, column, schema) for column in schema.sorted_columns}


def _parsing_feature(column: Column, schema: RowSchema) -> Any:
    if column.is_vector and schema.vector_encoding.tf_bytes:
        return tf.io.FixedLenFeature([], tf.string)
    dtype = tf.as_dtype(column.value.tensor)
    if column.shape or column.kept:
        return tf.io.RaggedFeature(dtype)
    return tf.io.FixedLenFeature([], dtype)


def _shape_values(parsed: dict[str, tf.Tensor], column: Column, schema: RowSchema) -> tf.Tensor:
    values = parsed[column.name]
    if column.is_vector:
        if schema.vector_encoding.tf_bytes:
            values = _decode_bytes(values, schema.vector_encoding)
        values = tf.reshape(values, [-1 if size is None else size for size in column.shape])
        scale = schema.scale_column(column)
        if scale is None:
            return values
        scales = tf.reshape(parsed[scale.name], [-1 if size is None else size for size in (*scale.shape, 1)])
        return values * scales
    if column.kept and not column.shape:
        # A row that lacks it has an empty list, for which TensorFlow takes no default.
        return tf.concat([values, [column.value.default]], axis=0)[0]
    return values


def _decode_bytes(values: tf.Tensor, encoding: VectorEncoding) -> tf.Tensor:
    elements = tf.io.decode_raw(values, tf.as_dtype(encoding.stored))
    if encoding.values_per_element > 1:
        shifts = tf.cast(tf.range(encoding.values_per_element - 1, -1, -1), elements.dtype)
        bits = tf.bitwise.bitwise_and(tf.bitwise.right_shift(elements[:, tf.newaxis], shifts), 1)
        return tf.cast(bits, tf.float32) * 2 - 1
    return tf.cast(elements, tf.float32)


def list_tensors(rows: pa.RecordBatch, schema: RowSchema) -> Iterator[dict[str, np.ndarray]]:
    """Yields each row as arrays of `make_signature`.

    Args:
      rows: as readers yield them.
      schema: of the rows.
    """
    columns = [(column, rows.column(column.name)) for column in schema.sorted_columns]
    for number in range(rows.num_rows):
        yield {column.name: _make_array(values[number], column) for column, values in columns}


def _make_array(value: pa.Scalar, column: Column) -> np.ndarray:
    if column.is_vector:
        return np.asarray(value.values).reshape([-1 if size is None else size for size in column.shape])
    given = value.as_py()
    if given is None:
        given = [] if column.shape else column.value.default
    return np.array(given, tf.as_dtype(column.value.tensor).as_numpy_dtype)
