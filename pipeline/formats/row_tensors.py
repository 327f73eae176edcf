"""Converts rows to dicts of tensors, as a `tf.data.Dataset` yields them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from albert_embed.pipeline.formats.row_schema import Column, RowSchema

_BYTES_TYPES = {"float32_bytes": tf.float32, "float16_bytes": tf.float16}


def make_signature(schema: RowSchema) -> dict[str, tf.TensorSpec]:
    """Makes the spec of each column's tensor: its type and shape, with None for the number of tokens or list values."""
    return {
        column.name: tf.TensorSpec(column.shape, tf.as_dtype(column.value.tensor)) for column in schema.sorted_columns
    }


def parse_example(example: tf.Tensor, schema: RowSchema) -> dict[str, tf.Tensor]:
    """Parses a serialised tf.Example (string []) into tensors of `make_signature`, in graph mode."""
    features = {column.name: _parsing_feature(column, schema) for column in schema.sorted_columns}
    parsed = tf.io.parse_single_example(example, features)
    return {column.name: _shape_values(parsed[column.name], column, schema) for column in schema.sorted_columns}


def _parsing_feature(column: Column, schema: RowSchema) -> Any:
    if column.is_vector and schema.encoding != "float_list":
        return tf.io.FixedLenFeature([], tf.string)
    dtype = tf.as_dtype(column.value.tensor)
    if column.shape or column.kept:
        return tf.io.RaggedFeature(dtype)
    return tf.io.FixedLenFeature([], dtype)


def _shape_values(values: tf.Tensor, column: Column, schema: RowSchema) -> tf.Tensor:
    if column.is_vector:
        if schema.encoding != "float_list":
            values = tf.cast(tf.io.decode_raw(values, _BYTES_TYPES[schema.encoding]), tf.float32)
        return tf.reshape(values, [-1 if size is None else size for size in column.shape])
    if column.kept and not column.shape:
        # A row that lacks it has an empty list, for which TensorFlow takes no default.
        return tf.concat([values, [column.value.default]], axis=0)[0]
    return values


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
