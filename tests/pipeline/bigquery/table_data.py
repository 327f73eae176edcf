"""Rows for the tests of the table, and what is read of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.bigquery.load_format import LoadFormat
from albert_embed.pipeline.bigquery.table_layout import TableLayout
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from tests.pipeline.embedded_rows import EMBEDDINGS, HIDDEN, make_rows

PIECES = tuple(f"piece {number}" for number in range(5000))


def make_layout(**rows: Any) -> TableLayout:
    """The layout of a table of rows, which the arguments of `RowSchema` describe."""
    return TableLayout(rows=RowSchema(**rows))


LAYOUT = make_layout(
    embeddings=tuple(EMBEDDINGS), hidden_size=HIDDEN, kept=parse_kept_fields(("views:int64", "tags:string[]"))
)


def make_table_input(lengths: list[int], *, first: int = 0, content: str = "", **columns: pa.Array) -> pa.RecordBatch:
    """Returns `make_rows` with kept fields and the internal columns; `content` tells versions of a document apart."""
    count = len(lengths)
    rows = make_rows(
        lengths,
        first=first,
        views=pa.array([None if number % 3 == 2 else number for number in range(count)], pa.int64()),
        tags=pa.array([[b"a", b"b"][: number % 3] for number in range(count)], pa.large_list(pa.binary())),
    )
    hashes = [f"{content}{number + first}".encode().rjust(16, b"_") for number in range(count)]
    added = {
        "content_hash": pa.array(hashes, pa.binary(16)),
        "window_count": pa.array(np.ones(count, np.int64)),
        **columns,
    }
    return pa.RecordBatch.from_pydict({**dict(zip(rows.schema.names, rows.columns, strict=True)), **added})


def make_windows(count: int, *, content: str = "") -> pa.RecordBatch:
    """Returns this many windows of one document, `row 0`."""
    return make_table_input(
        [3] * count,
        content=content,
        id=pa.array([b"row 0"] * count, pa.binary()),
        window=pa.array(np.arange(count)),
        window_start=pa.array(2 * np.arange(count)),
        content_hash=pa.array([content.encode().rjust(16, b"_")] * count, pa.binary(16)),
    )


def write_load_file(
    path: str, batches: Sequence[pa.RecordBatch], *, layout: TableLayout = LAYOUT, fingerprint: str = "f"
) -> str:
    """Writes a load file of these rows, and returns its path."""
    format_ = LoadFormat(layout=layout, pieces=PIECES, fingerprint=fingerprint)
    with FileSystems.create(path, compression_type="uncompressed") as file, format_.open_writer(file) as load_file:
        for batch in batches:
            load_file.write(batch)
    return path


def read_table(table: str) -> list[dict[str, Any]]:
    """Returns all rows, ordered."""
    from google.cloud import bigquery

    rows = bigquery.Client(project="test-project").query_and_wait(f"SELECT * FROM {table} ORDER BY id, `window`")
    return [dict(row) for row in rows]
