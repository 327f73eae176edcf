"""Converts rows to serialised tf.Examples and back, through tfx-bsl."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder

from albert_embed.pipeline.formats.half_precision import to_half
from albert_embed.pipeline.formats.row_schema import Column, RowSchema
from albert_embed.pipeline.settings.embed_options import Encoding
from albert_embed.transforms.columns import INTERNAL_COLUMNS

_BYTES_TYPES: dict[str, np.dtype] = {"float32_bytes": np.dtype("<f4"), "float16_bytes": np.dtype("<f2")}


def encode_examples(rows: pa.RecordBatch, schema: RowSchema) -> list[bytes]:
    """Encodes each row as a serialised tf.Example; the pipeline's internal columns are left out.

    Raises:
      ValueError: if the rows have other columns than `schema`.
    """
    schema.check_names(rows.schema.names)
    described = {column.name: column for column in schema.columns}
    columns = {
        name: _encode_column(values, described[name], schema.encoding)
        for name, values in zip(rows.schema.names, rows.columns, strict=True)
        if name not in INTERNAL_COLUMNS
    }
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
            columns.append(_decode_column(values, column, schema.encoding))
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def _encode_column(values: pa.Array, column: Column, encoding: Encoding) -> pa.Array:
    if column.is_vector and encoding != "float_list":
        values = _floats_to_bytes(values, encoding)
    elif column.shape:
        return values
    elif values.type != column.arrow:
        values = values.cast(column.arrow)
    return _wrap(values)


def _decode_column(values: pa.Array, column: Column, encoding: Encoding) -> pa.Array:
    """Converts a column as tfx-bsl reads it, a list for each row or null, to that of readers."""
    if column.is_vector and encoding != "float_list":
        return _bytes_to_floats(values.flatten(), encoding)
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


def _floats_to_bytes(column: pa.Array, encoding: Encoding) -> pa.Array:
    values = np.asarray(column.flatten())
    if encoding == "float16_bytes":
        values = to_half(values)
    offsets = np.asarray(column.offsets)
    offsets = ((offsets - offsets[0]) * values.itemsize).astype(np.int64)
    return pa.Array.from_buffers(pa.large_binary(), len(column), [None, pa.py_buffer(offsets), pa.py_buffer(values)])


def _bytes_to_floats(column: pa.Array, encoding: Encoding) -> pa.Array:
    type_ = _BYTES_TYPES[encoding]
    column = column.cast(pa.large_binary())
    _, offsets_buffer, values_buffer = column.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[column.offset : column.offset + len(column) + 1]
    values = np.frombuffer(values_buffer, np.uint8)[offsets[0] : offsets[-1]].view(type_).astype(np.float32)
    offsets = (offsets - offsets[0]) // type_.itemsize
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values))
