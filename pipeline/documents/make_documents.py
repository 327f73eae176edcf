"""Records to documents: the one way for every format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.documents.prepare_documents import describe_bad_text, find_bad_texts
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records, fail_record, show_value
from albert_embed.pipeline.records.utf8 import describe_invalid_utf8, find_invalid_utf8, holds_strings
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import AS_TEXT, convert_kept, write_text
from albert_embed.transforms.rows.columns import ID, INPUT_POSITION, PAIR, TEXT, TRAVELLING_NAMES, TYPES
from albert_embed.transforms.steps.failure import Failure

_TEXT_TYPES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())

# Row → the reason and the error of its failure.
Errors = dict[int, tuple[str, str]]


def make_documents(records: Records, fields: RecordFields, *, first: int = 0) -> tuple[pa.RecordBatch, list[Failure]]:
    """Makes documents of records.

    Args:
      records: as a source gives them.
      fields: which of their fields make a document.
      first: how many records of their part of the input came before them.

    Returns:
      `{id, text[, pair], kept, input_position}`, kept fields that have the name of a text under another
      (`columns.TRAVELLING_NAMES`), and a failure for each record that is no document.
    """
    errors: Errors = {}
    texts = {TEXT: _take_texts(records, fields.text, errors)}
    if fields.pair is not None:
        texts[PAIR] = _take_texts(records, fields.pair, errors)
    for name, column in texts.items():
        for row in find_bad_texts(column):
            if row not in errors:
                errors[row] = describe_bad_text(column[row].as_py(), name)
    columns = {ID: _take_ids(records, fields, list(texts.values()), errors), **texts}
    for column, type_ in fields.kept.items():
        columns[TRAVELLING_NAMES.get(column, column)] = _take_kept(records, fields.find_field(column), type_, errors)
    columns[INPUT_POSITION] = pa.array(np.arange(first, first + len(records.positions)), TYPES[INPUT_POSITION])
    documents = pa.RecordBatch.from_pydict(columns)
    if not errors:
        return documents, []
    failures = [_fail(records, row, *errors[row], texts[TEXT][row].as_py()) for row in sorted(errors)]
    good = np.ones(documents.num_rows, bool)
    good[list(errors)] = False
    return documents.filter(pa.array(good)), failures


def _fail(records: Records, row: int, reason: str, error: str, text: bytes | None) -> Failure:
    raw = None if records.raw is None else records.raw[row]
    where = f"{records.unit} {records.positions[row]}"
    return fail_record(records.file, where, reason, error, raw or text or b"", content=raw)


def _missing(records: Records, row: int, name: str) -> tuple[str, str]:
    names = records.columns if records.names is None else records.names[row]
    known = ", ".join(sorted(names)).encode(errors="backslashreplace").decode() or "none"
    return "missing field", f"the field {name!r} is missing or null; the fields are: {known[:200]}"


def _half_a_pair(name: str, error: UnicodeEncodeError) -> tuple[str, str]:
    """Returns what is wrong with a string such as "\\ud800", which is valid JSON and no text."""
    return "invalid Unicode", f"the field {name!r} holds half of a surrogate pair: {error.reason}"


def _take_texts(records: Records, name: str, errors: Errors) -> pa.Array:
    """Returns the texts as large_binary, null where there is none."""
    values = records.columns.get(name)
    if isinstance(values, pa.Array) and values.type in _TEXT_TYPES:
        for row in np.flatnonzero(np.asarray(values.is_null())).tolist():
            errors.setdefault(row, _missing(records, row, name))
        return values.cast(pa.large_binary())
    return pa.array(
        [
            _take_text(records, row, name, value, errors)
            for row, value in enumerate(_take_values(records, name, errors))
        ],
        pa.large_binary(),
    )


def _take_text(records: Records, row: int, name: str, value: Any, errors: Errors) -> bytes | None:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as e:
            errors.setdefault(row, _half_a_pair(name, e))
    elif value is None:
        errors.setdefault(row, _missing(records, row, name))
    else:
        errors.setdefault(row, ("wrong type", f"the field {name!r} must be a string, not {show_value(value)}"))
    return None


def _take_ids(records: Records, fields: RecordFields, texts: list[pa.Array], errors: Errors) -> pa.Array:
    values = _take_values(records, fields.id, errors)
    contents = zip(*(text.to_pylist() for text in texts), strict=True)
    ids = [
        _take_id(row, value, fields, content, errors)
        for row, (value, content) in enumerate(zip(values, contents, strict=True))
    ]
    return pa.array(ids, pa.binary())


def _take_id(row: int, value: Any, fields: RecordFields, content: tuple[bytes | None, ...], errors: Errors) -> bytes:
    if value is None and not fields.id_required:
        return content_id(*(text or b"" for text in content))
    if isinstance(value, bytes):
        return value
    if isinstance(value, (str, int, *AS_TEXT)) and not isinstance(value, bool):
        try:
            return write_text(value).encode()
        except UnicodeEncodeError as e:
            errors.setdefault(row, _half_a_pair(fields.id, e))
    elif value is None:
        errors.setdefault(row, ("missing field", f"the id field {fields.id!r} is missing or null"))
    else:
        error = f"the id field {fields.id!r} must be a string or an integer, not {show_value(value)}"
        errors.setdefault(row, ("wrong type", error))
    return b""


def _take_kept(records: Records, name: str, type_: FieldType, errors: Errors) -> pa.Array:
    """Returns a kept field; null where a record has none."""
    values = records.columns.get(name)
    if isinstance(values, pa.Array) and values.type == type_.arrow and not type_.is_list:
        return values
    return pa.array(convert_kept(_take_values(records, name, errors), name, type_, errors), type_.arrow)


def _take_values(records: Records, name: str, errors: Errors) -> list[Any]:
    """Returns a field's values; None, and an entry in `errors`, where one is a string by its type, but not UTF-8."""
    values = records.columns.get(name, [None] * len(records.positions))
    if not isinstance(values, pa.Array):
        return values
    bad = set(find_invalid_utf8(values)) if holds_strings(values.type) else set()
    if not bad:
        return list(values.to_pylist())
    for row in bad:
        errors.setdefault(row, ("invalid UTF-8", describe_invalid_utf8(name)))
    return [None if row in bad else value.as_py() for row, value in enumerate(values)]
