"""Embedded rows as they stand in Parquet, and back: vectors of fixed width, texts as strings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.formats.half_precision import to_half
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

VECTORS = (POOLED_OUTPUT, MEAN_OUTPUT, SEQUENCE_OUTPUT, DOCUMENT_OUTPUT)
_ONE_INTEGER = (WINDOW, WINDOW_START, TRUNCATED, WINDOWS, TOKENS)
_FIRST = (ID, *_ONE_INTEGER, INPUT_IDS, *TOKEN_COLUMNS)


def to_parquet_rows(
    rows: pa.RecordBatch, *, hidden_size: int, kept: Mapping[str, FieldType], half: bool = False
) -> pa.RecordBatch:
    """Embedded rows as a Parquet file holds them; the pipeline's internal columns are left out.

    Args:
      rows: as the model gives them.
      hidden_size: width of a vector.
      kept: the fields that are passed through, with their types (`pipeline.settings.kept_fields`).
      half: whether vectors are float16 instead of float32.

    Returns:
      `id` string, `window`, `window_start`, `truncated` int64, `input_ids` list<int64>[, `token_pieces`
      list<string>, `token_starts`, `token_ends` list<int64>], the kept fields; `pooled_output`, `mean_output`
      fixed_size_list[hidden]; `sequence_output` list<fixed_size_list[hidden]>, a vector for each token. Of documents
      instead `id`, `windows`, `tokens` int64, the kept fields, `document_output` fixed_size_list[hidden]. Only kept
      fields can be null.

    Raises:
      ValueError: where an id or a kept string is not UTF-8, or a column is none of these.
    """
    arrays, fields = [], []
    for name in _order_columns(rows.schema.names):
        column = rows.column(name)
        if name in VECTORS:
            array = _to_vectors(column, hidden_size, half=half, sequence=name == SEQUENCE_OUTPUT)
        elif name in kept:
            array = _to_kept(column, kept[name])
        elif name == ID:
            array = column.cast(pa.string())
        elif name in _ONE_INTEGER:
            array = column
        elif name == INPUT_IDS or name in TOKEN_COLUMNS:
            array = _to_lists(column, pa.string() if name == TOKEN_PIECES else pa.int64())
        else:
            raise ValueError(f"the column {name!r} is neither one of the output's nor a kept field")
        arrays.append(array)
        fields.append(pa.field(name, array.type, nullable=name in kept))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def from_parquet_rows(rows: pa.RecordBatch, kept: Mapping[str, FieldType]) -> pa.RecordBatch:
    """The rows again, as `pipeline.read_embeddings` yields them, whatever the sink."""
    columns = {}
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name in VECTORS:
            columns[name] = _from_vectors(column)
        elif name in kept:
            columns[name] = _cast(column, kept[name].arrow)
        else:
            columns[name] = _cast(column, TYPES[name])
    return pa.RecordBatch.from_pydict({name: columns[name] for name in _order_columns(rows.schema.names)})


def _order_columns(names: list[str]) -> list[str]:
    """As tf.Examples are read: the output's own first, then vectors and kept fields by name."""
    first = [name for name in _FIRST if name in names]
    return [*first, *sorted(set(names) - set(first) - set(INTERNAL_COLUMNS))]


def _cast(column: pa.Array, type_: pa.DataType) -> pa.Array:
    return column if column.type == type_ else column.cast(type_)


def _to_kept(column: pa.Array, type_: FieldType) -> pa.Array:
    one = pa.type_for_alias(type_.value.stored)
    return _cast(column, pa.list_(pa.field("element", one, nullable=False)) if type_.is_list else one)


def _to_lists(column: pa.Array, type_: pa.DataType) -> pa.Array:
    field = pa.field("element", type_, nullable=False)
    values = _cast(column.flatten(), type_)
    return pa.ListArray.from_arrays(_offsets(column), values, type=pa.list_(field))


def _to_vectors(column: pa.Array, hidden_size: int, *, half: bool, sequence: bool) -> pa.Array:
    values = column.flatten()
    if half:
        values = pa.array(to_half(np.asarray(values)))
    type_ = pa.list_(pa.field("element", values.type, nullable=False), hidden_size)
    vectors = pa.FixedSizeListArray.from_arrays(values, type=type_)
    if not sequence:
        return vectors
    field = pa.field("element", type_, nullable=False)
    offsets = pa.array(np.asarray(_offsets(column)) // hidden_size, pa.int32())
    return pa.ListArray.from_arrays(offsets, vectors, type=pa.list_(field))


def _from_vectors(column: pa.Array) -> pa.Array:
    """Back to one flat list a row."""
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
    """The offsets of a list array's rows into `column.flatten()`, int32."""
    offsets = np.asarray(column.offsets)
    return pa.array((offsets - offsets[0]).astype(np.int32))
