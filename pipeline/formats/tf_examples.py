"""Rows as serialised tf.Examples and back, through tfx-bsl."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder

from albert_embed.pipeline.formats.half_precision import to_half
from albert_embed.pipeline.settings.embed_options import Encoding
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.transforms.columns import (
    DOCUMENT_OUTPUT,
    ID,
    INPUT_IDS,
    INTERNAL_COLUMNS,
    MEAN_OUTPUT,
    POOLED_OUTPUT,
    SEQUENCE_OUTPUT,
    TOKEN_COLUMNS,
    TOKEN_PIECES,
    TOKENS,
    TRUNCATED,
    TYPES,
    WINDOW,
    WINDOW_START,
    WINDOWS,
)

_BYTES_TYPES: dict[str, np.dtype] = {"float32_bytes": np.dtype("<f4"), "float16_bytes": np.dtype("<f2")}

_EMBEDDINGS = (POOLED_OUTPUT, MEAN_OUTPUT, SEQUENCE_OUTPUT, DOCUMENT_OUTPUT)
_ONE_INTEGER = (WINDOW, WINDOW_START, TRUNCATED)
_ONE_INTEGER_OF_DOCUMENTS = (WINDOWS, TOKENS)


def encode_examples(rows: pa.RecordBatch, encoding: Encoding) -> list[bytes]:
    """Each row as a serialised tf.Example; the pipeline's internal columns are left out.

    Raises:
      ValueError: where the encoding is unknown.
    """
    columns = {}
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name in INTERNAL_COLUMNS:
            continue
        if name in _EMBEDDINGS and encoding != "float_list":
            column = _floats_to_bytes(column, encoding)
        columns[name] = column if _is_list(column.type) else _wrap(column)
    return RecordBatchToExamplesEncoder(None).encode(pa.RecordBatch.from_pydict(columns))


def decode_examples(
    examples: Sequence[bytes], encoding: Encoding, kept: Mapping[str, FieldType] | None = None
) -> pa.RecordBatch:
    """The rows again: features with one value per row as plain columns, embeddings as float32 lists.

    Args:
      examples: serialised.
      encoding: how embeddings are written.
      kept: the fields that were passed through, with their types (`pipeline.settings.kept_fields`); null where a row
        has none. Other features come as lists.
    """
    decoded = ExamplesToRecordBatchDecoder(None).DecodeBatch(list(examples))
    columns = {}
    for name, column in zip(decoded.schema.names, decoded.columns, strict=True):
        if name in (ID, *_ONE_INTEGER, *_ONE_INTEGER_OF_DOCUMENTS):
            column = column.flatten().cast(TYPES[name])
        elif name in TOKEN_COLUMNS:
            column = column.cast(TYPES[name])
        elif name in _EMBEDDINGS and encoding != "float_list":
            column = _bytes_to_floats(column.flatten(), encoding)
        columns[name] = column
    for name, type_ in (kept or {}).items():
        columns[name] = _decode_kept(columns.get(name), type_, len(examples))
    first = (ID, *_ONE_INTEGER, *_ONE_INTEGER_OF_DOCUMENTS, INPUT_IDS, *TOKEN_COLUMNS)
    order = [name for name in first if name in columns]
    return pa.RecordBatch.from_pydict({name: columns[name] for name in [*order, *sorted(set(columns) - set(order))]})


def describe_examples(
    embeddings: Sequence[str],
    hidden_size: int,
    encoding: Encoding,
    kept: Mapping[str, FieldType] | None = None,
    *,
    tokens: bool = False,
) -> str:
    """The tf.Metadata schema of the examples, as text (`schema.pbtxt`).

    Args:
      embeddings: the embedding columns that are there.
      hidden_size: the model's.
      encoding: how they are written.
      kept: the fields that are passed through, with their types.
      tokens: whether the tokens' pieces and positions are there.
    """
    schema = _describe_columns(_ONE_INTEGER)
    schema.feature.add(name=INPUT_IDS, type=schema_pb2.INT, value_count=schema_pb2.ValueCount(min=2))
    for name in TOKEN_COLUMNS if tokens else ():
        type_ = schema_pb2.BYTES if name == TOKEN_PIECES else schema_pb2.INT
        schema.feature.add(name=name, type=type_, value_count=schema_pb2.ValueCount(min=2))
    for name in embeddings:
        _add_embedding(schema, name, hidden_size, encoding)
    _add_kept(schema, kept or {})
    return text_format.MessageToString(schema)


def describe_document_examples(hidden_size: int, encoding: Encoding, kept: Mapping[str, FieldType]) -> str:
    """The tf.Metadata schema of the examples of `--embeddings document`, as text (`documents_schema.pbtxt`)."""
    schema = _describe_columns(_ONE_INTEGER_OF_DOCUMENTS)
    _add_embedding(schema, DOCUMENT_OUTPUT, hidden_size, encoding)
    _add_kept(schema, kept)
    return text_format.MessageToString(schema)


_ONE_VALUE = schema_pb2.FixedShape(dim=[schema_pb2.FixedShape.Dim(size=1)])


def _describe_columns(integers: Sequence[str]) -> schema_pb2.Schema:
    schema = schema_pb2.Schema()
    schema.feature.add(name=ID, type=schema_pb2.BYTES, shape=_ONE_VALUE)
    for name in integers:
        schema.feature.add(name=name, type=schema_pb2.INT, shape=_ONE_VALUE)
    return schema


def _add_embedding(schema: schema_pb2.Schema, name: str, hidden_size: int, encoding: Encoding) -> None:
    if encoding != "float_list":
        schema.feature.add(name=name, type=schema_pb2.BYTES, shape=_ONE_VALUE)
    elif name == SEQUENCE_OUTPUT:
        shortest = schema_pb2.ValueCount(min=2 * hidden_size)
        schema.feature.add(name=name, type=schema_pb2.FLOAT, value_count=shortest)
    else:
        shape = schema_pb2.FixedShape(dim=[schema_pb2.FixedShape.Dim(size=hidden_size)])
        schema.feature.add(name=name, type=schema_pb2.FLOAT, shape=shape)


def _add_kept(schema: schema_pb2.Schema, kept: Mapping[str, FieldType]) -> None:
    for name, type_ in kept.items():
        count = schema_pb2.ValueCount(min=0) if type_.is_list else schema_pb2.ValueCount(min=0, max=1)
        schema.feature.add(name=name, type=schema_pb2.FeatureType.Value(type_.value.feature), value_count=count)


def bytes_type(encoding: Encoding) -> np.dtype:
    """The NumPy type of the values inside a bytes encoding."""
    return _BYTES_TYPES[encoding]


def _decode_kept(column: pa.Array | None, type_: FieldType, rows: int) -> pa.Array:
    """A kept field as tfx-bsl reads it, a list for each row or nothing at all, as a column of its type."""
    if column is None or pa.types.is_null(column.type):
        return pa.nulls(rows, type_.arrow)
    if type_.is_list:
        return column.cast(type_.arrow)
    return pa.array([value[0] if value else None for value in column.to_pylist()], type_.arrow)


def _is_list(type_: pa.DataType) -> bool:
    return pa.types.is_list(type_) or pa.types.is_large_list(type_)


def _wrap(column: pa.Array) -> pa.Array:
    """A list of one value per row, or of none where it is null; strings as bytes."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    elif pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_floating(column.type):
        column = column.cast(pa.float32())
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
    type_ = bytes_type(encoding)
    column = column.cast(pa.large_binary())
    _, offsets_buffer, values_buffer = column.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[column.offset : column.offset + len(column) + 1]
    values = np.frombuffer(values_buffer, np.uint8)[offsets[0] : offsets[-1]].view(type_).astype(np.float32)
    offsets = (offsets - offsets[0]) // type_.itemsize
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values))
