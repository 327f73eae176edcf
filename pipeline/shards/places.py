"""The columns of tables that speak of documents by their places in one part of the input."""

from __future__ import annotations

import pyarrow as pa

from albert_embed.pipeline.shards.keys import KEY_BYTES
from albert_embed.transforms.rows.columns import INPUT_POSITION, TYPES, WINDOW, WINDOW_COUNT

KEY = "key"  # of the document's id and content (`document_keys`)
UNIQUE = "unique"
# Documents that a run takes: those that are not `unique` share their id with another content, and are to fail.
SELECTED_SCHEMA = pa.schema(
    [(INPUT_POSITION, TYPES[INPUT_POSITION]), (KEY, pa.binary(KEY_BYTES)), (UNIQUE, pa.bool_())]
)
# Rows that an earlier run has finished.
FINISHED_SCHEMA = pa.schema(
    [
        (INPUT_POSITION, TYPES[INPUT_POSITION]),
        (KEY, pa.binary(KEY_BYTES)),
        (WINDOW, TYPES[WINDOW]),
        (WINDOW_COUNT, TYPES[WINDOW_COUNT]),
    ]
)
