"""Reads Avro files, block by block, through fastavro.

Values of logical types, such as dates, are converted here and not by fastavro, which gives up the rest of the file
where one is out of its range.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import fastavro
from fastavro.read import LOGICAL_READERS

from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.nested_fields import find_value
from albert_embed.pipeline.records.partitions import find_partitions
from albert_embed.pipeline.records.record_fields import RecordFields, find_missing_field
from albert_embed.pipeline.records.records import Records, fail_file, fail_record, show_value
from albert_embed.pipeline.records.utf8 import describe_invalid_utf8, is_encodable
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.storage.whole_reads import WholeReads
from albert_embed.transforms.steps.failure import Failure

_FIELD_TYPES = {
    "string": "string",
    "bytes": "string",
    "enum": "string",
    "fixed": "string",
    "int": "int64",
    "long": "int64",
    "boolean": "int64",
    "float": "float",
    "double": "float",
}
# What Python has objects for, which are kept as strings.
_TEXT_TYPES = (
    "decimal",
    "uuid",
    "date",
    "time-millis",
    "time-micros",
    "timestamp-millis",
    "timestamp-micros",
    "local-timestamp-millis",
    "local-timestamp-micros",
)
_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "enum": str,
    "bytes": bytes,
    "fixed": bytes,
    "int": int,
    "long": int,
    "array": list,
}


class AvroRecords(Source):
    """Records of Avro files; positions are record numbers from 0."""

    name = "avro"
    endings = (".avro",)
    has_schema = True

    def recognises(self, start: bytes) -> bool:
        return start.startswith(b"Obj\x01")

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        schema = AvroSchema(fastavro.reader(_read_whole(file)).writer_schema)
        return {name: schema.name_type(type_) for name, type_ in schema.list_fields()}

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        blocks = fastavro.block_reader(_read_whole(file), handle_unicode_errors="surrogateescape")
        schema = AvroSchema(copy.deepcopy(blocks.writer_schema))
        _remove_logical_types(blocks.writer_schema)
        types = dict(schema.list_fields())
        missing = find_missing_field(fields, [*types, *find_partitions(part.path)], "the file")
        if missing is not None:
            yield fail_file(part.path, missing)
            return
        wanted = {name: types.get(name) for name in fields.names}
        first = 0
        for block in blocks:
            yield from _read_block(block, part.path, first, wanted, schema)
            first += block.num_records


def _read_block(
    block: Any, path: str, first: int, wanted: Mapping[str, Any], schema: AvroSchema
) -> Iterator[Records | Failure]:
    """Reads a block; one failure for its rest, where that is damaged. The next block is a beginning of its own.

    Args:
      block: of fastavro.
      path: of the file.
      first: the number of its first record.
      wanted: field → its type.
      schema: of the file.
    """
    positions: list[int] = []
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    position, damage = first - 1, None
    try:
        for position, record in enumerate(block, first):
            try:
                values = _take_values(record, wanted, schema)
            except _ValueError as e:
                yield fail_record(path, f"record {position}", e.reason, str(e))
                continue
            positions.append(position)
            for name, value in values.items():
                columns[name].append(value)
        if block.bytes_.read(1):
            raise ValueError("it has more bytes than its records have")
    except Exception as e:  # what the content of the block leads to
        damage = e
    yield Records(file=path, unit="record", positions=positions, columns=columns)
    if damage is not None:
        left = f"the rest of a block, behind record {position}"
        yield fail_file(path, f"{left}, can't be read: {type(damage).__name__}: {str(damage)[:300]}")


def _read_whole(file: Any) -> Any:
    return WholeReads(file)


class _ValueError(ValueError):
    """A value of a record can't be read.

    Attributes:
      reason: of the failure.
    """

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


def _take_values(record: Any, wanted: Mapping[str, Any], schema: AvroSchema) -> dict[str, Any]:
    """Returns the values of some fields.

    Args:
      record: as fastavro reads it without logical types.
      wanted: field → its type; None where the schema has no such field.
      schema: of the file.

    Raises:
      _ValueError: if one is a string by its type, but not UTF-8, or out of the range of its logical type.
    """
    values = {}
    for name, type_ in wanted.items():
        value = find_value(record, name)
        if not is_encodable(value):
            raise _ValueError("invalid UTF-8", describe_invalid_utf8(name))
        try:
            values[name] = schema.convert(value, type_)
        except (ValueError, OverflowError, ArithmeticError) as e:
            error = f"the field {name!r} is {show_value(value)}, which is no {schema.name_logical_type(type_)}: {e}"
            raise _ValueError("wrong type", error) from e
    return values


def _remove_logical_types(schema: Any) -> None:
    """Removes the logical types from a schema that fastavro reads with, in place: named types are the same objects."""
    if isinstance(schema, dict):
        schema.pop("logicalType", None)
    if isinstance(schema, (dict, list)):
        for inner in schema.values() if isinstance(schema, dict) else schema:
            _remove_logical_types(inner)


class AvroSchema:
    """The schema of a file.

    Args:
      schema: as fastavro parses it, with the full names of named types.

    Raises:
      ValueError: if it is not of records.
    """

    def __init__(self, schema: Any) -> None:
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise ValueError("its schema is not a record")
        self._fields: list[Any] = schema["fields"]
        self._named = _find_named_types(schema)

    def list_fields(self) -> Iterator[tuple[str, Any]]:
        """Yields each field with its type, and behind each record its fields, their names with dots."""
        yield from self._list_fields(self._fields, "", ())

    def _list_fields(self, fields: list[Any], prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for field in fields:
            name = prefix + field["name"]
            yield name, field["type"]
            inner = self._resolve(_unwrap_union(field["type"]))
            # A type that holds itself is not looked into again.
            if isinstance(inner, dict) and inner["type"] == "record" and inner["name"] not in above:
                yield from self._list_fields(inner["fields"], f"{name}.", (*above, inner["name"]))

    def name_type(self, type_: Any) -> str:
        """Returns the name of a type in `--keep-fields`; "?" and the type where it can't be kept.

        For a union with null it is the name of the other type.
        """
        type_ = self._resolve(_unwrap_union(type_))
        if isinstance(type_, list):
            return f"?{type_}"
        if isinstance(type_, str):
            return _FIELD_TYPES.get(type_, f"?{type_}")
        if type_.get("logicalType") in _TEXT_TYPES:
            return "string"
        if type_.get("logicalType") == "duration":
            return "?duration"
        if type_["type"] == "array":
            item = self.name_type(type_["items"])
            return f"{item}[]" if item.isalnum() else f"?{type_}"
        return self.name_type(type_["type"])  # what is logical, but not known, is what it is made of

    def convert(self, value: Any, type_: Any) -> Any:
        """Returns a value as Python has it.

        Args:
          value: as fastavro reads it without logical types.
          type_: its type.

        Raises:
          ValueError, OverflowError, ArithmeticError: if Python has no such value.
        """
        type_ = self._resolve(type_)
        if isinstance(type_, list):
            inner = (self._resolve(one) for one in type_)
            type_ = next((one for one in inner if isinstance(one, dict) and _may_hold(one, value)), None)
        if value is None or not isinstance(type_, dict):
            return value
        if type_["type"] == "array":
            return [self.convert(item, type_["items"]) for item in value]
        if type_["type"] == "fixed" and type_.get("logicalType") == "uuid":  # which fastavro does not know
            return uuid.UUID(bytes=value)
        read = LOGICAL_READERS.get(f"{type_['type']}-{type_.get('logicalType')}")
        return value if read is None else read(value, type_, None)

    def name_logical_type(self, type_: Any) -> str:
        """Returns what a message calls the type of a value that can't be converted."""
        type_ = self._resolve(_unwrap_union(type_))
        if isinstance(type_, dict) and type_["type"] == "array":
            return self.name_logical_type(type_["items"])
        return str(type_.get("logicalType", type_)) if isinstance(type_, dict) else str(type_)

    def _resolve(self, type_: Any) -> Any:
        return self._named.get(type_, type_) if isinstance(type_, str) else type_


def _may_hold(type_: Mapping[str, Any], value: Any) -> bool:
    python = _PYTHON_TYPES.get(str(type_["type"]))
    return python is not None and isinstance(value, python)


def _find_named_types(schema: Any) -> dict[str, Any]:
    """Returns the types of a schema that have names, which it may refer to."""
    found: dict[str, Any] = {}
    if isinstance(schema, list):
        for item in schema:
            found |= _find_named_types(item)
    elif isinstance(schema, dict):
        if schema.get("type") in ("enum", "fixed", "record"):
            found[schema["name"]] = schema
        found |= _find_named_types([schema[key] for key in ("type", "items", "values", "fields") if key in schema])
    return found


def _unwrap_union(type_: Any) -> Any:
    """Returns what a union with null is beside null, and any other type as it is."""
    others = [item for item in type_ if item != "null"] if isinstance(type_, list) else []
    return others[0] if len(others) == 1 else type_
