"""Keeps bytes that are not text out of sinks whose strings are text."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from albert_embed.pipeline.records.utf8 import find_invalid_utf8
from albert_embed.transforms.rows.columns import ID, TEXT, TRAVELLING_NAMES
from albert_embed.transforms.steps.bad_rows import BadRows, Fault
from albert_embed.transforms.steps.failure import Failure


def reject_binary(documents: pa.RecordBatch, names: Sequence[str]) -> tuple[pa.RecordBatch, list[Failure]]:
    """Returns the documents whose strings in the columns `names` are UTF-8, and a failure for each other one.

    Args:
      documents: `id`, `text` and any other columns; strings are binary, or lists of it.
      names: of the output's columns that are to be strings; those without bytes are skipped.
    """
    bad = BadRows()
    for name in names:
        column = documents.column(TRAVELLING_NAMES.get(name, name))
        for row in find_invalid_utf8(column):
            bad.add(row, _describe(name, column[row].as_py()))
    failures = [
        fault.fail(stage="preprocess", id_=documents.column(ID)[row].as_py(), text=documents.column(TEXT)[row].as_py())
        for row, fault in bad
    ]
    return bad.drop_from(documents), failures


def _describe(name: str, value: object) -> Fault:
    return Fault(
        reason="invalid UTF-8",
        error=f"the field {name!r} is {str(value)[:80]}, which is not UTF-8, as strings in Parquet and BigQuery "
        "must be; write it as hexadecimal digits, or leave those out of --sink",
    )
