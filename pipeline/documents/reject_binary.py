"""Keeps bytes that are not text out of sinks whose strings are text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.records.utf8 import find_invalid_utf8
from albert_embed.transforms.rows.columns import ID, TEXT, TRAVELLING_NAMES
from albert_embed.transforms.steps.failure import TEXT_START_BYTES, Failure


def reject_binary(documents: pa.RecordBatch, names: Sequence[str]) -> tuple[pa.RecordBatch, list[Failure]]:
    """Returns the documents whose strings in the columns `names` are UTF-8, and a failure for each other one.

    Args:
      documents: `id`, `text` and any other columns; strings are binary, or lists of it.
      names: of the output's columns that are to be strings; those without bytes are skipped.
    """
    bad: dict[int, str] = {}
    for name in names:
        for row in find_invalid_utf8(documents.column(TRAVELLING_NAMES.get(name, name))):
            bad.setdefault(row, name)
    if not bad:
        return documents, []
    good = np.ones(documents.num_rows, bool)
    good[list(bad)] = False
    failures = [_fail(documents.slice(row, 1), name) for row, name in sorted(bad.items())]
    return documents.filter(pa.array(good)), failures


def _fail(document: pa.RecordBatch, name: str) -> Failure:
    value = document.column(TRAVELLING_NAMES.get(name, name))[0].as_py()
    return Failure(
        id=document.column(ID)[0].as_py(),
        stage="preprocess",
        reason="invalid UTF-8",
        error=f"the field {name!r} is {str(value)[:80]}, which is not UTF-8, as strings in Parquet and BigQuery "
        "must be; write it as hexadecimal digits, or leave those out of --sink",
        text=(document.column(TEXT)[0].as_py() or b"")[:TEXT_START_BYTES],
    )
