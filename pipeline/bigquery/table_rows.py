"""Turns embedded rows into rows of the table, and into a failure each row that BigQuery can't hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from albert_embed.pipeline.bigquery.append_rows import MAX_REQUEST_BYTES
from albert_embed.pipeline.bigquery.table_layout import FINGERPRINT, TOKEN_VECTOR, TOKENS, TableLayout
from albert_embed.pipeline.formats.row_schema import Column
from albert_embed.pipeline.formats.vector_encoding import VectorEncoding
from albert_embed.pipeline.records.utf8 import find_invalid_utf8
from albert_embed.transforms.rows.columns import (
    CONTENT_HASH,
    ID,
    INPUT_IDS,
    SCALE_SUFFIX,
    SEQUENCE_OUTPUT,
    TOKEN_ENDS,
    TOKEN_PIECES,
    TOKEN_STARTS,
    WINDOW,
)
from albert_embed.transforms.rows.list_lengths import list_lengths
from albert_embed.transforms.steps.bad_rows import BadRows, Fault
from albert_embed.transforms.steps.failure import Failure

# https://cloud.google.com/bigquery/quotas: the maximum size of a row in the result of a query, such as a MERGE, as
# BigQuery counts it (8 bytes per number, 2 and its UTF-8 per string); JSON load files have the same limit. A request of
# the Storage Write API is smaller.
MAX_ROW_BYTES = {"file_loads": 100_000_000, "storage_write": MAX_REQUEST_BYTES}


def check_rows(
    rows: pa.RecordBatch, layout: TableLayout, *, max_row_bytes: int = MAX_ROW_BYTES["file_loads"]
) -> tuple[pa.RecordBatch, list[Failure]]:
    """Returns the rows that BigQuery can hold correctly, and a failure (stage `write`) for each other row.

    BigQuery itself would refuse the whole load for one such row, or accept it and never build a vector index.

    Args:
      rows: as the handler gives them.
      layout: the columns of the table.
      max_row_bytes: maximum bytes per row.
    """
    bad = BadRows()
    for name in layout.rows.embeddings:
        _check_vectors(rows, name, layout.rows.width(name), bad)
    for column in layout.rows.columns:
        if column.name == ID or (column.kept and column.is_string):
            _check_texts(rows, column.name, bad)
    sizes = measure_rows(rows, layout)
    for row in np.flatnonzero(sizes > max_row_bytes).tolist():
        error = (
            f"the row has {sizes[row]:,} bytes, BigQuery takes at most {max_row_bytes:,}: lower --max-tokens, leave "
            "sequence out of --embeddings, or choose --bigquery-method file_loads, which takes the most"
        )
        bad.add(row, Fault(reason="row too large", error=error))
    failures = [
        fault.fail(stage="write", id_=rows.column(ID)[row].as_py(), text=None, window=rows.column(WINDOW)[row].as_py())
        for row, fault in bad
    ]
    return bad.drop_from(rows), failures


def _check_vectors(rows: pa.RecordBatch, name: str, width: int, bad: BadRows) -> None:
    """Adds rows whose vectors are null, not `width` wide, or not finite."""
    column = rows.column(name)
    lengths = np.asarray(pc.list_value_length(column).fill_null(-1))
    tokens = list_lengths(rows.column(INPUT_IDS)) if name == SEQUENCE_OUTPUT else 1
    expected = np.broadcast_to(tokens * width, lengths.shape)
    for row in np.flatnonzero(lengths != expected).tolist():
        error = "is null" if lengths[row] < 0 else f"has {lengths[row]:,} values, not {expected[row]:,}"
        bad.add(row, Fault(reason="vector of another width", error=f"{name} {error}; make the run again"))
    values = column.flatten()
    finite = np.isfinite(values.to_numpy(zero_copy_only=False))  # a null among them comes as NaN
    if not finite.all():
        parents = np.asarray(pc.list_parent_indices(column))
        for row in np.unique(parents[~finite]).tolist():
            error = f"{name} holds a null, NaN or infinity, which BigQuery can't index"
            bad.add(row, Fault(reason="vector not finite", error=error))


def _check_texts(rows: pa.RecordBatch, name: str, bad: BadRows) -> None:
    """Adds rows whose strings are not UTF-8, as BigQuery's must be, and rows without an id."""
    column = rows.column(name)
    if name == ID and column.null_count:
        for row in np.flatnonzero(np.asarray(column.is_null())).tolist():
            error = "the row has no id; give --id-field a field that every record has"
            bad.add(row, Fault(reason="missing id", error=error))
    for row in find_invalid_utf8(column):
        error = f"the field {name!r} is not UTF-8, as BigQuery's strings must be: {str(column[row])[:80]}"
        bad.add(row, Fault(reason="invalid UTF-8", error=error))


def measure_rows(rows: pa.RecordBatch, layout: TableLayout) -> np.ndarray:
    """Returns the bytes of each row as BigQuery counts them, `[rows]` int64.

    https://cloud.google.com/bigquery/pricing#data: 8 bytes for INT64, FLOAT64 and TIMESTAMP, 2 and the content for
    STRING and BYTES, nothing for the array itself. A token's piece is counted as 8, about its real size.
    """
    sizes = np.full(rows.num_rows, 4 * 8 + (2 + 16) + (2 + 64), np.int64)
    sizes += 2 + np.asarray(pc.binary_length(rows.column(ID)).fill_null(0))
    for name in layout.rows.embeddings:
        values = np.asarray(pc.list_value_length(rows.column(name)).fill_null(0))
        sizes += _measure_vectors(values, layout.rows.width(name), layout.rows.vector_encoding)
    if layout.has_tokens:
        sizes += (2 + 8 + 8 + (16 if layout.rows.tokens else 0)) * list_lengths(rows.column(INPUT_IDS))
    for column in layout.rows.columns:
        if column.kept:
            sizes += _measure_kept(rows.column(column.name), column)
    return sizes


def _measure_vectors(values: np.ndarray, width: int, encoding: VectorEncoding) -> np.ndarray:
    if not encoding.is_quantized:
        return 8 * values
    return values // width * (2 + encoding.stored_width(width) * encoding.stored.itemsize + 8 * encoding.scaled)


def _measure_kept(values: pa.Array, column: Column) -> np.ndarray:
    rows = len(values)
    counts = np.asarray(pc.list_value_length(values).fill_null(0)) if column.shape else np.ones(rows, np.int64)
    if not column.is_string:
        return 8 * counts
    parents = np.asarray(pc.list_parent_indices(values)) if column.shape else np.arange(rows)
    strings = values.flatten() if column.shape else values
    lengths = np.asarray(pc.binary_length(strings).fill_null(0)).astype(np.int64)
    return 2 * counts + np.bincount(parents, weights=lengths, minlength=rows).astype(np.int64)


def make_table_rows(
    rows: pa.RecordBatch, layout: TableLayout, pieces: Sequence[str], fingerprint: str
) -> pa.RecordBatch:
    """Converts rows that `check_rows` has passed to those of the table, by whole columns.

    Args:
      rows: as the handler gives them.
      layout: the columns of the table.
      pieces: the piece of every id, for `tokens`; where there is a column `token_pieces`, it is used instead.
      fingerprint: of what the rows were made with (`pipeline.bigquery.table_sink`).

    Returns:
      A batch of `layout.arrow_schema`.
    """
    schema = layout.arrow_schema
    columns: dict[str, pa.Array] = {}
    for name in layout.rows.embeddings:
        if name != SEQUENCE_OUTPUT:
            columns.update(_make_vectors(rows.column(name), layout, name, name))
    for field in schema:
        if field.name in columns:
            continue
        if field.name == TOKENS:
            columns[field.name] = _make_tokens(rows, layout, pieces, field.type)
        elif field.name == FINGERPRINT:
            columns[field.name] = pa.array([fingerprint] * rows.num_rows, pa.string())
        elif field.name == CONTENT_HASH:
            columns[field.name] = rows.column(CONTENT_HASH).cast(pa.binary())
        else:
            columns[field.name] = rows.column(field.name).cast(field.type)
    return pa.RecordBatch.from_pydict(columns, schema=schema)


def _make_tokens(rows: pa.RecordBatch, layout: TableLayout, pieces: Sequence[str], type_: pa.DataType) -> pa.Array:
    """Makes the column `tokens`: a list of STRUCTs, one for each real token."""
    input_ids = rows.column(INPUT_IDS)
    offsets = pa.array(np.concatenate([[0], np.cumsum(list_lengths(input_ids))]), pa.int32())
    ids = input_ids.flatten()
    fields = {"id": ids}
    if TOKEN_PIECES in rows.schema.names:
        fields["piece"] = rows.column(TOKEN_PIECES).flatten().cast(pa.string())
    else:
        fields["piece"] = pa.array(pieces, pa.string()).take(ids)
    if layout.rows.tokens:
        fields["start"] = rows.column(TOKEN_STARTS).flatten()
        fields["end"] = rows.column(TOKEN_ENDS).flatten()
    if layout.has_token_vectors:
        fields.update(_make_vectors(rows.column(SEQUENCE_OUTPUT), layout, SEQUENCE_OUTPUT, TOKEN_VECTOR))
    struct = pa.StructArray.from_arrays(
        [fields[field.name] for field in type_.value_type], fields=list(type_.value_type)
    )
    return pa.ListArray.from_arrays(offsets, struct)


def _make_vectors(values: pa.Array, layout: TableLayout, embedding: str, name: str) -> dict[str, pa.Array]:
    """Returns the columns of an embedding: one vector after another, and their scales where they have any.

    Args:
      values: of the rows, large_list<float32>.
      layout: the columns of the table.
      embedding: the column of the rows.
      name: of the column in the table, or of the field in `tokens`.
    """
    width, encoding = layout.rows.width(embedding), layout.rows.vector_encoding
    floats = values.flatten()
    if not encoding.is_quantized:
        starts = pa.array(np.arange(len(floats) // width + 1, dtype=np.int32) * width)
        return {name: pa.ListArray.from_arrays(starts, floats)}
    elements, scales = encoding.encode(np.asarray(floats).reshape(-1, width))
    strings = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(elements.shape[1] * elements.itemsize),
        len(elements),
        [None, pa.py_buffer(np.ascontiguousarray(elements))],
    ).cast(pa.binary())
    return {name: strings} if scales is None else {name: strings, name + SCALE_SUFFIX: pa.array(scales, pa.float32())}
