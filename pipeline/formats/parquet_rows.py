"""Converts embedded rows to those of Parquet, and back: vectors of fixed width, texts as strings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.formats.row_schema import Column, RowSchema

# In the metadata of a field of bytes: NumPy's name for what is in them, such as "<f2".
_ELEMENTS = "albert_embed.elements"


def make_parquet_schema(schema: RowSchema) -> pa.Schema:
    """Makes the Parquet schema of rows, in the order of `RowSchema.sorted_columns`.

    Strings are UTF-8, a vector is a fixed_size_list, `sequence_output` a list of these, or of binary where
    the encoding says so; other lists are lists. Elements of vectors are as `schema.encoding` says; scales follow their
    vectors. Only kept fields can be null, and never a value in a list.
    """
    fields = []
    for column in schema.sorted_columns:
        fields.append(pa.field(column.name, _stored_type(column, schema), nullable=column.kept))
        scale = schema.scale_column(column)
        if scale is not None:
            fields.append(pa.field(scale.name, _stored_type(scale, schema), nullable=False))
    return pa.schema(fields)


def _stored_type(column: Column, schema: RowSchema) -> pa.DataType:
    encoding = schema.vector_encoding
    if schema.holds_bytes(column):
        # Not of a fixed size: pandas can't read lists of these.
        return pa.list_(pa.field("element", pa.binary(), nullable=False, metadata={_ELEMENTS: encoding.stored.str}))
    type_ = pa.type_for_alias(encoding.parquet if column.is_vector else column.value.stored)
    for size in reversed(column.shape):
        size = encoding.stored_width(size) if column.is_vector and size is not None else size
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
    arrays: list[pa.Array] = []
    for column in schema.sorted_columns:
        values, type_ = rows.column(column.name), stored.field(column.name).type
        arrays += _store_vectors(values, column, schema) if column.is_vector else [_store_column(values, column, type_)]
    return pa.RecordBatch.from_arrays(arrays, schema=stored)


def from_parquet_rows(rows: pa.RecordBatch, schema: RowSchema) -> pa.RecordBatch:
    """Converts rows back, to those that readers yield for every format.

    Raises:
      ValueError: if a column is missing.
    """
    schema.check_names(rows.schema.names, stored=True)
    arrays = [
        _load_vectors(rows, column, schema) if column.is_vector else _cast(rows.column(column.name), column.arrow)
        for column in schema.sorted_columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow)


def _store_column(values: pa.Array, column: Column, type_: pa.DataType) -> pa.Array:
    if column.shape and not column.kept:
        # As a whole, a slice of a list array would be cast with all the values that it shares.
        return pa.ListArray.from_arrays(_offsets(values), _cast(values.flatten(), type_.value_type), type=type_)
    return _cast(values, type_)


def _cast(column: pa.Array, type_: pa.DataType) -> pa.Array:
    return column if column.type == type_ else column.cast(type_)


def _store_vectors(values: pa.Array, column: Column, schema: RowSchema) -> list[pa.Array]:
    """Converts a column of vectors to what is stored: the elements, and the scales where they have any."""
    elements, scales = schema.vector_encoding.encode(np.asarray(values.flatten()).reshape(-1, column.width))
    type_ = _stored_type(column, schema)
    vector = type_ if len(column.shape) == 1 else type_.value_type
    if schema.holds_bytes(column):
        ends = np.arange(len(elements) + 1, dtype=np.int32) * np.int32(elements.itemsize * column.width)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(elements))]
        vectors = pa.BinaryArray.from_buffers(vector, len(elements), buffers)
    else:
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(elements.reshape(-1)), type=vector)
    offsets = pa.array(np.asarray(_offsets(values)) // column.width, pa.int32())
    stored = [vectors if vector is type_ else pa.ListArray.from_arrays(offsets, vectors, type=type_)]
    scale = schema.scale_column(column)
    if scale is not None:
        scale_type = _stored_type(scale, schema)
        flat = pa.array(scales, pa.float32())
        stored.append(pa.ListArray.from_arrays(offsets, flat, type=scale_type) if scale.shape else flat)
    return stored


def _load_vectors(rows: pa.RecordBatch, column: Column, schema: RowSchema) -> pa.Array:
    """Converts stored vectors back to one flat list of float32 per row."""
    values = rows.column(column.name)
    scale = schema.scale_column(column)
    scales = None
    if scale is not None:
        stored = rows.column(scale.name)
        scales = np.asarray(stored.flatten() if scale.shape else stored)
    if len(column.shape) == 1:
        ends = np.arange(len(values) + 1) * column.width
        elements = values.flatten()
    else:
        ends = np.asarray(_offsets(values), np.int64) * column.width
        elements = values.flatten()
        if pa.types.is_binary(elements.type):
            elements = _view_elements(elements, schema.vector_encoding.stored)
        else:  # also of files that were written before these encodings were bytes
            elements = elements.flatten()
    floats = schema.vector_encoding.decode(np.asarray(elements), column.width, scales)
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(floats.reshape(-1)))


def _view_elements(vectors: pa.BinaryArray, stored: np.dtype) -> np.ndarray:
    """Returns the elements of vectors that are bytes, `[vectors · stored width]`, without a copy."""
    if not len(vectors):  # which may have no buffers
        return np.empty(0, stored)
    ends = np.frombuffer(vectors.buffers()[1], np.int32)[vectors.offset : vectors.offset + len(vectors) + 1]
    return np.frombuffer(memoryview(vectors.buffers()[2])[ends[0] : ends[-1]], stored)


def _offsets(column: pa.Array) -> pa.Array:
    """Returns the offsets of a list array's rows into `column.flatten()`, int32."""
    offsets = np.asarray(column.offsets)
    return pa.array((offsets - offsets[0]).astype(np.int32))
