"""Records to documents: the one way for every format that has fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.documents.prepare_documents import describe_bad_text, find_bad_texts
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import convert_kept
from albert_embed.pipeline.sources.content_id import content_id
from albert_embed.pipeline.sources.origins import make_origins
from albert_embed.pipeline.sources.record_fields import RecordFields
from albert_embed.pipeline.sources.records import Records, fail_record
from albert_embed.transforms.columns import ID, ORIGIN, PAIR, TEXT
from albert_embed.transforms.failure import Failure

_TEXT_TYPES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


def make_documents(records: Records, fields: RecordFields) -> tuple[pa.RecordBatch, list[Failure]]:
    """The documents that `records` hold, `{id, text[, pair], kept, origin}`, and a failure for each that is none."""
    errors: dict[int, tuple[str, str]] = {}
    texts = {TEXT: _take_texts(records, fields.text, errors)}
    if fields.pair is not None:
        texts[PAIR] = _take_texts(records, fields.pair, errors)
    for name, column in texts.items():
        for row in find_bad_texts(column):
            if row not in errors:
                errors[row] = describe_bad_text(column[row].as_py(), name)
    columns = {ID: _take_ids(records, fields, list(texts.values()), errors), **texts}
    for name, type_ in fields.kept.items():
        columns[name] = _take_kept(records, name, type_, errors)
    columns[ORIGIN] = make_origins(records.file, records.positions)
    documents = pa.RecordBatch.from_pydict(columns)
    failures = [
        fail_record(
            records.file,
            f"{records.unit} {records.positions[row]}",
            reason,
            error,
            texts[TEXT][row].as_py() or b"",
        )
        for row, (reason, error) in sorted(errors.items())
    ]
    if errors:
        good = np.ones(documents.num_rows, bool)
        good[list(errors)] = False
        documents = documents.filter(pa.array(good))
    return documents, failures


def _missing(records: Records, name: str) -> tuple[str, str]:
    known = ", ".join(sorted(records.columns))[:200]
    return "missing field", f"the field {name!r} is missing or null; the fields are: {known}"


def _take_texts(records: Records, name: str, errors: dict[int, tuple[str, str]]) -> pa.Array:
    """The texts as large_binary, null where there is none."""
    values = records.columns.get(name, [None] * len(records.positions))
    if isinstance(values, pa.Array) and values.type in _TEXT_TYPES:
        for row in np.flatnonzero(np.asarray(values.is_null())).tolist():
            errors.setdefault(row, _missing(records, name))
        return values.cast(pa.large_binary())
    taken: list[bytes | None] = []
    for row, value in enumerate(_to_list(values)):
        taken.append(value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else None)
        if value is None:
            errors.setdefault(row, _missing(records, name))
        elif taken[-1] is None:
            errors.setdefault(
                row,
                ("wrong type", f"the field {name!r} must be a string, not {type(value).__name__} {str(value)[:80]}"),
            )
    return pa.array(taken, pa.large_binary())


def _take_ids(
    records: Records, fields: RecordFields, texts: list[pa.Array], errors: dict[int, tuple[str, str]]
) -> pa.Array:
    values = _to_list(records.columns.get(fields.id, [None] * len(records.positions)))
    ids: list[bytes] = []
    for row, value in enumerate(values):
        ids.append(b"")
        if value is None:
            if fields.id_required:
                errors.setdefault(row, ("missing field", f"the id field {fields.id!r} is missing or null"))
            else:
                ids[-1] = content_id(*(text[row].as_py() or b"" for text in texts))
        elif isinstance(value, bool) or not isinstance(value, (str, bytes, int)):
            error = f"the id field {fields.id!r} must be a string or an integer, not {type(value).__name__} {value}"
            errors.setdefault(row, ("wrong type", error[:200]))
        else:
            ids[-1] = value if isinstance(value, bytes) else str(value).encode()
    return pa.array(ids, pa.binary())


def _take_kept(records: Records, name: str, type_: FieldType, errors: dict[int, tuple[str, str]]) -> pa.Array:
    """A kept field; null where a record has none."""
    values = records.columns.get(name, [None] * len(records.positions))
    if isinstance(values, pa.Array) and values.type == type_.arrow and not type_.is_list:
        return values
    return pa.array(convert_kept(_to_list(values), name, type_, errors), type_.arrow)


def _to_list(values: pa.Array | list[Any]) -> list[Any]:
    return values.to_pylist() if isinstance(values, pa.Array) else values
