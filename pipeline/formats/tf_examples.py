"""Converts rows to serialised tf.Examples and back, through tfx-bsl."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder

from albert_embed.pipeline.formats.row_schema import Column, RowSchema
from albert_embed.transforms.rows.columns import INTERNAL_COLUMNS
from albert_embed.transforms.rows.list_lengths import list_lengths


def encode_examples(rows: pa.RecordBatch, schema: RowSchema) -> list[bytes]:
    """Encodes each row as a serialised tf.Example; the pipeline's internal columns are left out.

    Raises:
      ValueError: if the rows have other columns than `schema`.
    """
    schema.check_names(rows.schema.names)
    described = {column.name: column for column in schema.columns}
    columns: dict[str, pa.Array] = {}
    for name, values in zip(rows.schema.names, rows.columns, strict=True):
        if name in INTERNAL_COLUMNS:
            continue
        if described[name].is_vector and schema.vector_encoding.tf_bytes:
            columns.update(_encode_vectors(values, described[name], schema))
        else:
            columns[name] = _encode_column(values, described[name])
    examples: list[bytes] = RecordBatchToExamplesEncoder(None).encode(pa.RecordBatch.from_pydict(columns))
    return examples


def decode_examples(examples: Sequence[bytes], schema: RowSchema) -> pa.RecordBatch:
    """Decodes rows, as readers yield them; features that `schema` does not name are left out.

    Raises:
      ValueError: if a column is missing, or the number of a row's values is not that of its column.
    """
    decoded = ExamplesToRecordBatchDecoder(None).DecodeBatch(list(examples))
    found = dict(zip(decoded.schema.names, decoded.columns, strict=True))
    columns = []
    for column in schema.sorted_columns:
        values = found.get(column.name)
        if values is None or pa.types.is_null(values.type):
            if not column.kept:
                raise ValueError(f"the tf.Examples have no {column.name!r}")
            columns.append(pa.nulls(len(examples), column.arrow))
        else:
            columns.append(
                _decode_vectors(values, found, column, schema)
                if column.is_vector and schema.vector_encoding.tf_bytes
                else _decode_column(values, column)
            )
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def _encode_column(values: pa.Array, column: Column) -> pa.Array:
    if column.shape:
        return values
    if values.type != column.arrow:
        values = values.cast(column.arrow)
    return _wrap(values)


def _decode_column(values: pa.Array, column: Column) -> pa.Array:
    """Converts a column as tfx-bsl reads it, a list for each row or null, to that of readers."""
    if column.shape:
        return values.cast(column.arrow)
    if not column.kept:
        return values.flatten().cast(column.arrow)
    counts = np.asarray(pc.list_value_length(values).fill_null(0))
    firsts = pa.array(np.cumsum(counts) - counts, mask=counts == 0)
    return values.flatten().take(firsts).cast(column.arrow)


def _wrap(column: pa.Array) -> pa.Array:
    """Makes a list for each row: of its one value, or empty where it is null."""
    if column.null_count == 0:
        return pa.LargeListArray.from_arrays(pa.array(np.arange(len(column) + 1)), column)
    lengths = np.asarray(column.is_valid(), dtype=np.int64)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    return pa.LargeListArray.from_arrays(offsets, column.drop_null())


def _encode_vectors(values: pa.Array, column: Column, schema: RowSchema) -> dict[str, pa.Array]:
    """Returns the features of a column of vectors: a string of bytes for each row, and a list of scales."""
    counts = list_lengths(values) // column.width
    elements, scales = schema.vector_encoding.encode(np.asarray(values.flatten()).reshape(-1, column.width))
    ends = np.concatenate([[0], np.cumsum(counts)])
    stored = np.ascontiguousarray(elements, schema.vector_encoding.stored)
    offsets = ends * stored.itemsize * schema.vector_encoding.stored_width(column.width)
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(stored)]
    features = {column.name: _wrap(pa.Array.from_buffers(pa.large_binary(), len(values), buffers))}
    scale = schema.scale_column(column)
    if scale is not None:
        features[scale.name] = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(scales, pa.float32()))
    return features


def _decode_vectors(values: pa.Array, found: Mapping[str, pa.Array], column: Column, schema: RowSchema) -> pa.Array:
    """Converts strings of bytes, a list of one for each row, to lists of float32.

    Raises:
      ValueError: if they are no whole vectors, or have not as many scales.
    """
    encoding = schema.vector_encoding
    strings = values.flatten().cast(pa.large_binary())
    _, offsets_buffer, values_buffer = strings.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[strings.offset : strings.offset + len(strings) + 1]
    elements = np.frombuffer(values_buffer, np.uint8)[offsets[0] : offsets[-1]].view(encoding.stored)
    counts, rest = np.divmod(np.diff(offsets), encoding.stored.itemsize * encoding.stored_width(column.width))
    if rest.any():
        raise ValueError(f"{column.name} has rows that are no whole vectors of {column.width:,} values")
    scale = schema.scale_column(column)
    scales = None
    if scale is not None:
        stored = found.get(scale.name)
        if stored is None or not np.array_equal(list_lengths(stored), counts):
            raise ValueError(f"{column.name} and {scale.name} have not as many vectors")
        scales = np.asarray(stored.flatten())
    floats = encoding.decode(elements, column.width, scales)
    ends = np.concatenate([[0], np.cumsum(counts * column.width)])
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(floats.reshape(-1)))
