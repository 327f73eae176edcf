"""Converts embedded rows to those of Parquet, and back: vectors of fixed width, texts as strings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.formats.half_precision import to_half
from albert_embed.pipeline.formats.row_schema import Column, RowSchema


def make_parquet_schema(schema: RowSchema) -> pa.Schema:
    """Makes the Parquet schema of rows, in the order of `RowSchema.sorted_columns`.

    Strings are UTF-8, a vector is a fixed_size_list, `sequence_output` a list of these, other lists are lists. Vectors
    are float16 where `schema.encoding` is `float16_bytes`. Only kept fields can be null, and never a value in a list.
    """
    return pa.schema(
        [pa.field(column.name, _stored_type(column, schema), nullable=column.kept) for column in schema.sorted_columns]
    )


def _stored_type(column: Column, schema: RowSchema) -> pa.DataType:
    half = column.is_vector and schema.encoding == "float16_bytes"
    type_ = pa.float16() if half else pa.type_for_alias(column.value.stored)
    for size in reversed(column.shape):
        element = pa.field("element", type_, nullable=False)
        type_ = pa.list_(element) if size is None else pa.list_(element, size)
    return type_


def to_parquet_rows(rows: pa.RecordBatch, schema: RowSchema) -> pa.RecordBatch:
    """Converts embedded rows to those of a Parquet file; the pipeline's internal columns are left out.

    Args:
      rows: as the model gives them.
      schema: of the rows.

    Returns:
      A batch of `make_parquet_schema(schema)`.

    Raises:
      ValueError: if an id or a kept string is not UTF-8, or the rows have other columns than `schema`.
    """
    schema.check_names(rows.schema.names)
    stored = make_parquet_schema(schema)
    arrays = [
        _store_column(rows.column(column.name), column, field.type)
        for column, field in zip(schema.sorted_columns, stored, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=stored)


def from_parquet_rows(rows: pa.RecordBatch, schema: RowSchema) -> pa.RecordBatch:
    """Converts rows back, to those that readers yield for every format.

    Raises:
      ValueError: if a column is missing.
    """
    schema.check_names(rows.schema.names)
    arrays = [
        _from_vectors(rows.column(column.name)) if column.is_vector else _cast(rows.column(column.name), column.arrow)
        for column in schema.sorted_columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow)


def _store_column(values: pa.Array, column: Column, type_: pa.DataType) -> pa.Array:
    if column.is_vector:
        return _to_vectors(values, column, type_)
    if column.shape and not column.kept:
        # As a whole, a slice of a list array would be cast with all the values that it shares.
        return pa.ListArray.from_arrays(_offsets(values), _cast(values.flatten(), type_.value_type), type=type_)
    return _cast(values, type_)


def _cast(column: pa.Array, type_: pa.DataType) -> pa.Array:
    return column if column.type == type_ else column.cast(type_)


def _to_vectors(values: pa.Array, column: Column, type_: pa.DataType) -> pa.Array:
    flat = values.flatten()
    vector = type_ if len(column.shape) == 1 else type_.value_type
    if vector.value_type == pa.float16():
        flat = pa.array(to_half(np.asarray(flat)))
    vectors = pa.FixedSizeListArray.from_arrays(flat, type=vector)
    if vector is type_:
        return vectors
    offsets = pa.array(np.asarray(_offsets(values)) // vector.list_size, pa.int32())
    return pa.ListArray.from_arrays(offsets, vectors, type=type_)


def _from_vectors(column: pa.Array) -> pa.Array:
    """Converts vectors back to one flat list per row."""
    rows = len(column)
    if pa.types.is_fixed_size_list(column.type):
        ends = np.arange(rows + 1) * column.type.list_size
        values = column.flatten()
    else:
        vectors = column.flatten()
        ends = np.asarray(_offsets(column), np.int64) * vectors.type.list_size
        values = vectors.flatten()
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), _cast(values, pa.float32()))


def _offsets(column: pa.Array) -> pa.Array:
    """Returns the offsets of a list array's rows into `column.flatten()`, int32."""
    offsets = np.asarray(column.offsets)
    return pa.array((offsets - offsets[0]).astype(np.int32))
