"""Lines to documents: RecordBatches `{id, text[, pair]}`, with a `Failure` for each line that holds none."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.documents.prepare_documents import describe_bad_text, find_bad_texts
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.settings.kept_fields import convert_kept
from albert_embed.pipeline.sources.content_id import content_id
from albert_embed.pipeline.sources.line_source import FILE, LINE, POSITION
from albert_embed.pipeline.sources.origins import make_origins
from albert_embed.pipeline.sources.record_fields import RecordFields
from albert_embed.pipeline.sources.records import LONGEST_TEXT_BYTES
from albert_embed.transforms.columns import ID, ORIGIN, PAIR, TEXT
from albert_embed.transforms.failure import TEXT_START_BYTES, Failure


class _FieldError(ValueError):
    """A JSON line does not hold what it must."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


def parse_text_lines(lines: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Failure]]:
    """One document a line: `{id, text, origin}`, the id a hash of its bytes; a failure for each that is no text."""
    texts = lines.column(LINE)
    ids = pa.array([content_id(text) for text in texts.to_pylist()], pa.binary())
    documents = pa.RecordBatch.from_arrays([ids, texts, _line_origins(lines)], names=[ID, TEXT, ORIGIN])
    bad = find_bad_texts(texts)
    if not bad:
        return documents, []
    failures = []
    for row in bad:
        reason, error = describe_bad_text(texts[row].as_py(), "the line")
        failures.append(_fail_line(lines, row, reason, error))
    good = np.ones(lines.num_rows, bool)
    good[bad] = False
    return documents.filter(pa.array(good)), failures


def parse_json_lines(lines: pa.RecordBatch, fields: RecordFields) -> tuple[pa.RecordBatch, list[Failure]]:
    """One JSON object a line: `{id, text[, pair], kept, origin}`, a failure for each that is not what it must be.

    Lines of nothing but white space are no records and are passed over.
    """
    documents: list[tuple[Any, ...]] = []
    taken: list[int] = []
    failures: list[Failure] = []
    for row, line in enumerate(lines.column(LINE).to_pylist()):
        if not line.strip():
            continue
        try:
            documents.append(_parse_json_line(line, fields))
            taken.append(row)
        except _FieldError as e:
            failures.append(_fail_line(lines, row, e.reason, str(e)))
    names = [ID, TEXT, *([] if fields.pair is None else [PAIR]), *fields.kept]
    types = [pa.binary(), pa.large_binary(), *([] if fields.pair is None else [pa.large_binary()])]
    types += [type_.arrow for type_ in fields.kept.values()]
    columns = zip(*documents, strict=True) if documents else ((),) * len(names)
    arrays = [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)]
    origins = _line_origins(lines).take(pa.array(taken, pa.int64()))
    return pa.RecordBatch.from_arrays([*arrays, origins], names=[*names, ORIGIN]), failures


def _line_origins(lines: pa.RecordBatch) -> pa.Array:
    """Where the lines, which are of one file, stood."""
    file = lines.column(FILE)[0].as_py() if lines.num_rows else ""
    return make_origins(file, lines.column(POSITION).to_numpy())


def _fail_line(lines: pa.RecordBatch, row: int, reason: str, error: str) -> Failure:
    line = lines.column(LINE)[row].as_py()
    return Failure(
        id=content_id(line),
        stage="read",
        reason=reason,
        error=f"{lines.column(FILE)[row].as_py()}, byte {lines.column(POSITION)[row].as_py()}: {error}",
        text=line[:TEXT_START_BYTES],
    )


def _parse_json_line(line: bytes, fields: RecordFields) -> tuple[Any, ...]:
    if len(line) > LONGEST_TEXT_BYTES:
        raise _FieldError("text too long", f"the line has more than {LONGEST_TEXT_BYTES:,} bytes")
    try:
        record = json.loads(line.decode())
    except UnicodeDecodeError as e:
        raise _FieldError("invalid UTF-8", f"not UTF-8: {e}; convert the file to UTF-8") from e
    except (ValueError, RecursionError) as e:  # ValueError: no JSON, or an integer of thousands of digits
        raise _FieldError("invalid JSON", f"not a JSON object: {e}") from e
    if not isinstance(record, dict):
        raise _FieldError("invalid JSON", f"a JSON object is wanted, this is {_show(record)}")
    texts = [_text_field(record, fields.text)]
    if fields.pair is not None:
        texts.append(_text_field(record, fields.pair))
    kept = [_kept_field(record, name, type_) for name, type_ in fields.kept.items()]
    value = record.get(fields.id)
    if value is None and not fields.id_required:
        return content_id(*texts), *texts, *kept
    if value is None:
        raise _FieldError("missing field", f"the id field {fields.id!r} is missing or null")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _FieldError(
            "wrong type", f"the id field {fields.id!r} must be a string or an integer, not {_show(value)}"
        )
    return _encode(str(value), fields.id), *texts, *kept


def _text_field(record: dict[str, Any], name: str) -> bytes:
    if record.get(name) is None:
        known = ", ".join(sorted(record)).encode(errors="backslashreplace").decode() or "none"
        raise _FieldError(
            "missing field", f"the field {name!r} is missing or null; the line's fields are: {known[:200]}"
        )
    if not isinstance(record[name], str):
        raise _FieldError("wrong type", f"the field {name!r} must be a string, not {_show(record[name])}")
    return _encode(record[name], name)


def _kept_field(record: dict[str, Any], name: str, type_: FieldType) -> Any:
    errors: dict[int, tuple[str, str]] = {}
    try:
        (value,) = convert_kept([record.get(name)], name, type_, errors)
    except UnicodeEncodeError as e:
        raise _FieldError("invalid Unicode", f"the field {name!r} holds half of a surrogate pair: {e.reason}") from e
    if errors:
        raise _FieldError(*errors[0])
    return value


def _encode(value: str, name: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as e:  # "\ud800" alone is valid JSON and no text
        raise _FieldError("invalid Unicode", f"the field {name!r} holds half of a surrogate pair: {e.reason}") from e


def _show(value: Any) -> str:
    try:
        return f"{type(value).__name__} {json.dumps(value)[:80]}"
    except RecursionError:  # nested so deeply that it could just be read
        return type(value).__name__
