"""Reads JSON lines: each line is a JSON object."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from albert_embed.pipeline.records.batching import Batch, batch_records
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.lines import BYTE_ORDER_MARK, read_lines
from albert_embed.pipeline.records.nested_fields import find_value, has_path, split_name
from albert_embed.pipeline.records.parse_numbers import parse_float
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import MAX_TEXT_BYTES, Records, fail_record, show_value
from albert_embed.pipeline.sources.source import START_BYTES, Source
from albert_embed.transforms.steps.failure import Failure

# A character as an escape that needs none. Programs write so but a few of them, such as < and &.
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")
# A name that stands in JSON in no other way then.
_PLAIN_NAME = re.compile(r"[ -!#-.0-\[\]-~]*+")
_OBJECT_START = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*+"\s*:')


class JsonLines(Source):
    """One JSON object per line; positions are the bytes at which they start. Lines of white space are not records."""

    name = "jsonl"
    endings = (".jsonl", ".ndjson")
    splittable = True
    is_text = True

    def suits(self, start: bytes) -> bool:
        line, ended, _ = start.removeprefix(BYTE_ORDER_MARK).lstrip().partition(b"\n")
        if not ended and len(start) >= START_BYTES:  # the line may be longer than what is looked at
            return _OBJECT_START.match(line) is not None
        try:
            parse_object(line)
        except JsonError:
            return False
        return True

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        for batch in batch_records(read_lines(file, part.start, part.stop)):
            if isinstance(batch, Failure):
                yield batch
            else:
                yield from parse_objects(batch, part.path, fields, unit="byte")


def parse_objects(lines: Batch, path: str, fields: RecordFields, *, unit: str) -> Iterator[Records | Failure]:
    """Parses records that are JSON objects, and fails those that are none. White space is no record.

    Args:
      lines: as they are in the file.
      path: of the file.
      fields: which are wanted.
      unit: of their positions.
    """
    positions: list[int] = []
    objects: list[dict[str, Any]] = []
    raw: list[bytes] = []
    names = fields.names
    for position, line in zip(lines.positions, lines.records, strict=True):
        if not line.strip():
            continue
        try:
            objects.append(parse_object(line, names))
        except JsonError as e:
            yield fail_record(path, f"{unit} {position}", e.reason, str(e), line, content=line)
            continue
        positions.append(position)
        raw.append(line)
    if objects:
        yield make_object_records(objects, fields, file=path, unit=unit, positions=positions, raw=raw)


def make_object_records(
    objects: list[dict[str, Any]],
    fields: RecordFields,
    *,
    file: str,
    unit: str,
    positions: list[int],
    raw: list[bytes] | None,
) -> Records:
    """Converts JSON objects to Records."""
    dotted = [name for name in fields.names if "." in name]
    return Records(
        file=file,
        unit=unit,
        positions=positions,
        columns={name: [find_value(record, name) for record in objects] for name in fields.names},
        names=[(*record, *filter(functools.partial(has_path, record), dotted)) for record in objects],
        raw=raw,
    )


class JsonError(ValueError):
    """A line is not a JSON object.

    Attributes:
      reason: of the failure.
    """

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


def parse_object(line: bytes, names: Sequence[str] = ()) -> dict[str, Any]:
    """Parses the JSON object in a line.

    Args:
      line: with the object.
      names: of the fields that are wanted, which it may not have twice.

    Raises:
      JsonError: if there is none.
    """
    if len(line) > MAX_TEXT_BYTES:
        raise JsonError("text too long", f"the record has more than {MAX_TEXT_BYTES:,} bytes")
    try:
        record = json.loads(line.decode(), parse_float=parse_float)
        repeated = _find_repeated(line, names)
    except UnicodeDecodeError as e:
        raise JsonError("invalid UTF-8", f"not UTF-8: {e}; convert the file to UTF-8") from e
    except (ValueError, RecursionError) as e:  # ValueError: not JSON, or an integer with thousands of digits
        raise JsonError("invalid JSON", f"not a JSON object: {e}") from e
    if not isinstance(record, dict):
        raise JsonError("invalid JSON", f"not a JSON object: {show_value(record)}")
    if repeated:
        raise JsonError("invalid JSON", f"the object has the field {repeated[0]!r} twice, and one alone can be meant")
    return record


class _Pairs(list[tuple[str, Any]]):
    """The fields of an object with their values, as they stand in the file."""


def _find_repeated(line: bytes, names: Sequence[str]) -> list[str]:
    """Finds those of the fields that the object in a line has twice: of these the json module takes the last."""
    is_escaped = _ESCAPED_ASCII.search(line) is not None
    suspects = [name for name in names if is_escaped or _may_repeat(line, name)]
    if not suspects:
        return []
    pairs = json.loads(line.decode(), object_pairs_hook=_Pairs)
    return [name for name in suspects if _is_repeated(pairs, name)]


def _may_repeat(line: bytes, name: str) -> bool:
    """Returns whether an object may have a field twice, told without parsing it."""
    if b"\\" in line and not _PLAIN_NAME.fullmatch(name):  # the name may stand there in several ways
        return True
    return any(line.count(quoted) > 1 for quoted in _quote_parts(name))


@functools.cache
def _quote_parts(name: str) -> tuple[bytes, ...]:
    """Returns the name of a field, and of each that it may be within, as they stand in a line without escapes."""
    return tuple(f'"{part}"'.encode(errors="replace") for part in {name, *name.split(".")})


def _is_repeated(pairs: Any, name: str) -> bool:
    if not isinstance(pairs, _Pairs):
        return False
    names = [key for key, _ in pairs]
    if name in names:
        return names.count(name) > 1
    values = dict(pairs)
    return any(
        names.count(head) > 1 or _is_repeated(values[head], rest) for head, rest in split_name(name) if head in values
    )
