"""Reads Avro files, block by block, through fastavro."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import fastavro

from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.nested_fields import find_value
from albert_embed.pipeline.records.partitions import find_partitions
from albert_embed.pipeline.records.record_fields import RecordFields, find_missing_field
from albert_embed.pipeline.records.records import Records, fail_file, fail_record
from albert_embed.pipeline.records.utf8 import describe_invalid_utf8, is_encodable
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.failure import Failure

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


# What fastavro makes objects of, which are kept as strings.
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


class AvroRecords(Source):
    """Records of Avro files; positions are record numbers from 0."""

    name = "avro"
    endings = (".avro",)
    has_schema = True

    def recognises(self, start: bytes) -> bool:
        return start.startswith(b"Obj\x01")

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        return _list_field_types(fastavro.reader(file).writer_schema)

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        blocks = fastavro.block_reader(file, handle_unicode_errors="surrogateescape")
        known = [*_list_field_types(blocks.writer_schema), *find_partitions(part.path)]
        missing = find_missing_field(fields, known, "the file")
        if missing is not None:
            yield fail_file(part.path, missing)
            return
        first = 0
        for block in blocks:
            positions: list[int] = []
            records: list[Any] = []
            record: Any
            for position, record in enumerate(block, first):
                name = next((name for name in fields.names if not is_encodable(find_value(record, name))), None)
                if name is None:
                    positions.append(position)
                    records.append(record)
                else:
                    yield fail_record(part.path, f"record {position}", "invalid UTF-8", describe_invalid_utf8(name))
            columns: dict[str, list[Any]] = {
                name: [find_value(record, name) for record in records] for name in fields.names
            }
            yield Records(file=part.path, unit="record", positions=positions, columns=columns)
            first += block.num_records


def _list_field_types(schema: Any) -> dict[str, str]:
    """Returns the fields of a file's schema with their types.

    Raises:
      ValueError: if it is not of records.
    """
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ValueError("its schema is not a record")
    return dict(_name_field_types(schema["fields"], _find_named_types(schema)))


def _name_field_types(fields: list[Any], named: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields each field with its type, and behind each record its fields."""
    for field in fields:
        name = prefix + field["name"]
        yield name, name_avro_type(field["type"], named)
        inner = _unwrap_union(field["type"])
        if isinstance(inner, dict) and inner["type"] == "record":
            yield from _name_field_types(inner["fields"], named, f"{name}.")


def _find_named_types(schema: Any) -> dict[str, Any]:
    """Returns the enums and fixed types of a schema by their names without namespace, which it may refer to."""
    if isinstance(schema, list):
        return {name: type_ for item in schema for name, type_ in _find_named_types(item).items()}
    if not isinstance(schema, dict):
        return {}
    if schema.get("type") in ("enum", "fixed"):
        return {_strip_namespace(schema["name"]): schema}
    return _find_named_types([schema[key] for key in ("type", "items", "values", "fields") if key in schema])


def _strip_namespace(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _unwrap_union(type_: Any) -> Any:
    """Returns what a union with null is beside null, and any other type as it is."""
    others = [item for item in type_ if item != "null"] if isinstance(type_, list) else []
    return others[0] if len(others) == 1 else type_


def name_avro_type(type_: Any, named: Mapping[str, Any] | None = None) -> str:
    """Returns the name of an Avro type in `--keep-fields`; "?" and the type where it can't be kept.

    For a union with null it is the name of the other type.
    """
    type_ = _unwrap_union(type_)
    if isinstance(type_, list):
        return f"?{type_}"
    if isinstance(type_, dict):
        if type_.get("logicalType") in _TEXT_TYPES:
            return "string"
        if "logicalType" in type_:
            return f"?{type_['logicalType']}"
        if type_["type"] == "array":
            item = name_avro_type(type_["items"], named)
            return f"{item}[]" if item.isalnum() else f"?{type_}"
        return name_avro_type(type_["type"], named)
    if type_ not in _FIELD_TYPES and _strip_namespace(type_) in (named or {}):
        return name_avro_type((named or {})[_strip_namespace(type_)])
    return _FIELD_TYPES.get(type_, f"?{type_}")
