"""Turns documents into one row per window."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from albert_embed.transforms.rows import columns

_OF_ALL_WINDOWS = (columns.INPUT_IDS, columns.SEGMENT_IDS, *columns.TOKEN_COLUMNS)
_CONSUMED = (columns.WINDOW_LENGTHS, columns.WINDOW_STARTS, columns.TOKEN_COUNT)


def explode_windows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Makes one row per window of documents as the transform graph gives them.

    Args:
      batch: `input_ids`[, `segment_ids`, `token_pieces`, `token_starts`, `token_ends`] large lists, all windows of a
        document one after the other; `window_lengths`, `window_starts` large_list<int64>; `truncated` int64;
        `token_count` int64, dropped here; `id` and any other columns, which are passed through.

    Returns:
      The `id` and other columns, then `window` int64 (0 … within its document), `window_start` int64, `window_count`
      int64 (windows of the document), `truncated` int64, `input_ids` large_list<int64>[, `segment_ids` and the tokens'
      columns, cut the same way].

    Raises:
      ValueError: if the lengths of a document's windows do not add up to its tokens, or a column has nulls.
    """
    lengths = batch.column(columns.WINDOW_LENGTHS)
    window_counts = lengths.value_lengths().to_numpy(zero_copy_only=False)
    documents = np.repeat(np.arange(batch.num_rows), window_counts)
    window_ends = np.cumsum(window_counts)
    exploded: dict[str, pa.Array] = {}
    for name in batch.schema.names:
        if name not in (*_OF_ALL_WINDOWS, *_CONSUMED, columns.TRUNCATED):
            exploded[name] = _repeat_rows(batch.column(name), documents)
    exploded[columns.WINDOW] = pa.array(
        np.arange(len(documents)) - np.repeat(window_ends - window_counts, window_counts)
    )
    exploded[columns.WINDOW_START] = batch.column(columns.WINDOW_STARTS).flatten()
    exploded[columns.WINDOW_COUNT] = pa.array(np.repeat(window_counts, window_counts).astype(np.int64))
    exploded[columns.TRUNCATED] = _repeat_rows(batch.column(columns.TRUNCATED), documents)
    token_ends = np.concatenate([[0], np.cumsum(lengths.flatten().to_numpy(zero_copy_only=False))])
    for name in _OF_ALL_WINDOWS:
        if name in batch.schema.names:
            exploded[name] = _cut_tokens(name, batch.column(name), token_ends, np.concatenate([[0], window_ends]))
    return pa.RecordBatch.from_pydict(exploded)


def drop_finished_windows(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Drops the rows of windows that `finished_windows` of their document names, and that column.

    Args:
      rows: one per window; returned as they are where they lack the column.
    """
    if columns.FINISHED_WINDOWS not in rows.schema.names:
        return rows
    finished = rows.column(columns.FINISHED_WINDOWS)
    lengths = finished.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    owners = np.repeat(np.arange(rows.num_rows), lengths)
    named = finished.flatten().to_numpy(zero_copy_only=False)
    windows = rows.column(columns.WINDOW).to_numpy(zero_copy_only=False)
    left = np.ones(rows.num_rows, bool)
    left[owners[named == windows[owners]]] = False
    return rows.drop_columns([columns.FINISHED_WINDOWS]).filter(pa.array(left))


def _repeat_rows(column: pa.Array, documents: np.ndarray) -> pa.Array:
    """Repeats each row for every window of its document; returns the column as it is where each has one."""
    if len(documents) == len(column) and (documents == np.arange(len(column))).all():
        return column
    return column.take(pa.array(documents))


def _cut_tokens(name: str, column: pa.Array, token_ends: np.ndarray, window_ends: np.ndarray) -> pa.Array:
    """Cuts the documents' tokens into windows: the values stay where they are, only the offsets are new."""
    document_ends = np.concatenate([[0], np.cumsum(column.value_lengths().to_numpy(zero_copy_only=False))])
    if not np.array_equal(document_ends, token_ends[window_ends]):
        raise ValueError(f"the lengths of the windows do not add up to the documents' {name}.")
    return pa.LargeListArray.from_arrays(pa.array(token_ends, pa.int64()), column.flatten())
