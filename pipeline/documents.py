"""Lines to documents: RecordBatches `{id, text[, pair]}`, with a `Failure` for each line that holds none."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pipeline.line_source import FILE, LINE, POSITION
from transforms.columns import ID, PAIR, TEXT
from transforms.failure import TEXT_START_BYTES, Failure


def content_id(*contents: bytes) -> bytes:
    """The id of a document that brings none: a hash of its content, the same in every run.

    BLAKE2b of 16 bytes, in hexadecimal, over the texts with their lengths.
    """
    digest = hashlib.blake2b(digest_size=16)
    for content in contents:
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest().encode()


@dataclasses.dataclass(frozen=True, kw_only=True)
class JsonFields:
    """Which fields of a JSON line are read.

    Attributes:
      text: holds the text.
      id: holds the id, a string or an integer.
      id_required: whether a line without an id is a failure; else its id is a hash of its content.
      pair: holds the second text, where texts come in pairs.
    """

    text: str = "text"
    id: str = "id"
    id_required: bool = False
    pair: str | None = None


class _FieldError(ValueError):
    """A JSON line does not hold what it must."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


def parse_text_lines(lines: pa.RecordBatch) -> pa.RecordBatch:
    """One document a line: `{id, text}`, the id a hash of the line's bytes."""
    texts = lines.column(LINE)
    ids = pa.array([content_id(text) for text in texts.to_pylist()], pa.binary())
    return pa.RecordBatch.from_arrays([ids, texts], names=[ID, TEXT])


def parse_json_lines(lines: pa.RecordBatch, fields: JsonFields) -> tuple[pa.RecordBatch, list[Failure]]:
    """One JSON object a line: `{id, text[, pair]}`, and a failure for each line that is not what it must be.

    Lines of nothing but white space are no records and are passed over.
    """
    documents: list[tuple[bytes, ...]] = []
    failures: list[Failure] = []
    for line, file, position in zip(*(lines.column(name).to_pylist() for name in (LINE, FILE, POSITION)), strict=True):
        if not line.strip():
            continue
        try:
            documents.append(_parse_json_line(line, fields))
        except _FieldError as e:
            failures.append(
                Failure(
                    id=content_id(line),
                    stage="read",
                    reason=e.reason,
                    error=f"{file}, byte {position}: {e}",
                    text=line[:TEXT_START_BYTES],
                )
            )
    names = [ID, TEXT] if fields.pair is None else [ID, TEXT, PAIR]
    columns = zip(*documents, strict=True) if documents else ((),) * len(names)
    types = [pa.binary(), pa.large_binary(), pa.large_binary()]
    arrays = [pa.array(column, type_) for column, type_ in zip(columns, types[: len(names)], strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=names), failures


def _parse_json_line(line: bytes, fields: JsonFields) -> tuple[bytes, ...]:
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
    value = record.get(fields.id)
    if value is None and not fields.id_required:
        return content_id(*texts), *texts
    if value is None:
        raise _FieldError("missing field", f"the id field {fields.id!r} is missing or null")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _FieldError(
            "wrong type", f"the id field {fields.id!r} must be a string or an integer, not {_show(value)}"
        )
    return _encode(str(value), fields.id), *texts


def _text_field(record: dict[str, Any], name: str) -> bytes:
    if record.get(name) is None:
        known = ", ".join(sorted(record)).encode(errors="backslashreplace").decode() or "none"
        raise _FieldError(
            "missing field", f"the field {name!r} is missing or null; the line's fields are: {known[:200]}"
        )
    if not isinstance(record[name], str):
        raise _FieldError("wrong type", f"the field {name!r} must be a string, not {_show(record[name])}")
    return _encode(record[name], name)


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


class ParseTextLines(beam.DoFn):
    """`parse_text_lines` as a DoFn."""

    def process(self, lines: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        yield parse_text_lines(lines)


class ParseJsonLines(beam.DoFn):
    """`parse_json_lines` as a DoFn: failures go to the output `FAILURES`."""

    FAILURES = "failures"

    def __init__(self, fields: JsonFields) -> None:
        self._fields = fields

    def process(self, lines: pa.RecordBatch) -> Iterator[Any]:
        documents, failures = parse_json_lines(lines, self._fields)
        if documents.num_rows:
            yield documents
        for failure in failures:
            yield beam.pvalue.TaggedOutput(self.FAILURES, failure)
