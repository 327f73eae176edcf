"""Records to documents: the one way for every format."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.documents.prepare_documents import describe_bad_text, fill_ids, find_bad_texts
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records, fail_record, show_value
from albert_embed.pipeline.records.utf8 import describe_invalid_utf8
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import AS_TEXT, convert_value, write_text
from albert_embed.transforms.rows.columns import ID, INPUT_POSITION, PAIR, TEXT, TRAVELLING_NAMES, TYPES
from albert_embed.transforms.steps.bad_rows import BadRows, Fault
from albert_embed.transforms.steps.failure import Failure

_TEXT_TYPES = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


def make_documents(records: Records, fields: RecordFields, *, first: int = 0) -> tuple[pa.RecordBatch, list[Failure]]:
    """Makes documents of records.

    Args:
      records: as a source gives them.
      fields: which of their fields make a document.
      first: how many records of their part of the input came before them.

    Returns:
      `{id, text[, pair], kept, input_position}`, kept fields that have the name of a text under another
      (`columns.TRAVELLING_NAMES`), and a failure for each record that is no document, with its id where it has one.
    """
    bad = BadRows()
    texts = {TEXT: _take_texts(records, fields.text, bad)}
    if fields.pair is not None:
        texts[PAIR] = _take_texts(records, fields.pair, bad)
    for name, column in texts.items():
        for row in find_bad_texts(column):
            bad.add(row, describe_bad_text(column[row].as_py(), name))
    own_ids = _take_ids(records, fields, bad)
    columns = {ID: fill_ids(pa.array(own_ids, pa.binary()), list(texts.values())), **texts}
    for column, type_ in fields.kept.items():
        columns[TRAVELLING_NAMES.get(column, column)] = _take_kept(records, fields.find_field(column), type_, bad)
    columns[INPUT_POSITION] = pa.array(np.arange(first, first + len(records.positions)), TYPES[INPUT_POSITION])
    documents = pa.RecordBatch.from_pydict(columns)
    failures = [_fail(records, row, fault, own_ids[row], texts[TEXT][row].as_py()) for row, fault in bad]
    return bad.drop_from(documents), failures


def _fail(records: Records, row: int, fault: Fault, own_id: bytes | None, text: bytes | None) -> Failure:
    raw = None if records.raw is None else records.raw[row]
    where = f"{records.unit} {records.positions[row]}"
    failure = fail_record(records.file, where, fault.reason, fault.error, raw or text or b"", content=raw)
    return failure if own_id is None else dataclasses.replace(failure, id=own_id)


def _describe_missing(records: Records, row: int, name: str) -> Fault:
    names = records.columns if records.names is None else records.names[row]
    known = ", ".join(sorted(names)).encode(errors="backslashreplace").decode() or "none"
    error = f"the field {name!r} is missing or null; the fields are: {known[:200]}"
    return Fault(reason="missing field", error=error)


def _describe_half_a_pair(name: str, error: UnicodeEncodeError) -> Fault:
    """Returns what is wrong with a string such as "\\ud800", which is valid JSON and no text."""
    said = f"the field {name!r} holds half of a surrogate pair: {error.reason}"
    return Fault(reason="invalid Unicode", error=said)


def _take_texts(records: Records, name: str, bad: BadRows) -> pa.Array:
    """Returns the texts as large_binary, null where there is none."""
    values = records.columns.get(name)
    if isinstance(values, pa.Array) and values.type in _TEXT_TYPES:
        for row in np.flatnonzero(np.asarray(values.is_null())).tolist():
            bad.add(row, _describe_missing(records, row, name))
        return values.cast(pa.large_binary())
    return pa.array(
        [_take_text(records, row, name, value, bad) for row, value in enumerate(_take_values(records, name, bad))],
        pa.large_binary(),
    )


def _take_text(records: Records, row: int, name: str, value: Any, bad: BadRows) -> bytes | None:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError as e:
            bad.add(row, _describe_half_a_pair(name, e))
    elif value is None:
        bad.add(row, _describe_missing(records, row, name))
    else:
        error = f"the field {name!r} must be a string, not {show_value(value)}"
        bad.add(row, Fault(reason="wrong type", error=error))
    return None


def _take_ids(records: Records, fields: RecordFields, bad: BadRows) -> list[bytes | None]:
    """Returns the ids that the records have of their own; None where one has none, or none that can be taken."""
    return [_take_id(row, value, fields, bad) for row, value in enumerate(_take_values(records, fields.id, bad))]


def _take_id(row: int, value: Any, fields: RecordFields, bad: BadRows) -> bytes | None:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (str, int, *AS_TEXT)) and not isinstance(value, bool):
        try:
            return write_text(value).encode()
        except UnicodeEncodeError as e:
            bad.add(row, _describe_half_a_pair(fields.id, e))
    elif value is not None:
        error = f"the id field {fields.id!r} must be a string or an integer, not {show_value(value)}"
        bad.add(row, Fault(reason="wrong type", error=error))
    elif fields.id_required:
        bad.add(row, Fault(reason="missing field", error=f"the id field {fields.id!r} is missing or null"))
    return None


def _take_kept(records: Records, name: str, type_: FieldType, bad: BadRows) -> pa.Array:
    """Returns a kept field; null where a record has none."""
    values = records.columns.get(name)
    if isinstance(values, pa.Array) and values.type == type_.arrow and not type_.is_list:
        return values
    taken = [_convert(row, value, name, type_, bad) for row, value in enumerate(_take_values(records, name, bad))]
    return pa.array(taken, type_.arrow)


def _convert(row: int, value: Any, name: str, type_: FieldType, bad: BadRows) -> Any:
    """Converts a value of a kept field; returns None where it is of another type."""
    try:
        return convert_value(value, type_)
    except UnicodeEncodeError as e:
        bad.add(row, _describe_half_a_pair(name, e))
    except ValueError as e:
        hint = f"it is kept as {type_}; choose another type with --keep-fields {name}:TYPE"
        bad.add(row, Fault(reason="wrong type", error=f"the field {name!r} is {e}; {hint}"))
    return None


def _take_values(records: Records, name: str, bad: BadRows) -> list[Any]:
    """Returns a field's values; None, and a bad row, where Python has no such value.

    That is a string by its type that is not UTF-8, also within a struct, or a duration that is too long.
    """
    values = records.columns.get(name, [None] * len(records.positions))
    if not isinstance(values, pa.Array):
        return values
    try:
        return list(values.to_pylist())
    except (ValueError, ArithmeticError):
        return [_take_value(row, name, value, bad) for row, value in enumerate(values)]


def _take_value(row: int, name: str, value: pa.Scalar, bad: BadRows) -> Any:
    try:
        return value.as_py()
    except UnicodeDecodeError:
        bad.add(row, Fault(reason="invalid UTF-8", error=describe_invalid_utf8(name)))
    except (ValueError, ArithmeticError) as e:
        error = f"the field {name!r} is {value.type}, and out of its range: {e}"
        bad.add(row, Fault(reason="wrong type", error=error))
    return None
