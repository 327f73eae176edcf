"""Reads Avro files, block by block, through fastavro."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import fastavro

from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.nested_fields import find_value
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records, fail_record
from albert_embed.pipeline.records.utf8 import describe_invalid_utf8, is_encodable
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.failure import Failure

_FIELD_TYPES = {
    "string": "string",
    "bytes": "string",
    "enum": "string",
    "int": "int64",
    "long": "int64",
    "boolean": "int64",
    "float": "float",
    "double": "float",
}


class AvroRecords(Source):
    """Records of Avro files; positions are record numbers from 0."""

    name = "avro"
    endings = (".avro",)

    def recognises(self, start: bytes) -> bool:
        return start.startswith(b"Obj\x01")

    def read_field_types(self, file: BinaryIO) -> dict[str, str]:
        schema = fastavro.reader(file).writer_schema
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise ValueError("its schema is not a record")
        return dict(_name_field_types(schema["fields"]))

    def read(self, file: BinaryIO, part: FileRange, fields: RecordFields) -> Iterator[Records | Failure]:
        first = 0
        for block in fastavro.block_reader(file, handle_unicode_errors="surrogateescape"):
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


def _name_field_types(fields: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each field with its type, and behind each record its fields."""
    for field in fields:
        name = prefix + field["name"]
        yield name, name_avro_type(field["type"])
        inner = _unwrap_union(field["type"])
        if isinstance(inner, dict) and inner["type"] == "record":
            yield from _name_field_types(inner["fields"], f"{name}.")


def _unwrap_union(type_: Any) -> Any:
    """What a union with null is beside null; any other type as it is."""
    others = [item for item in type_ if item != "null"] if isinstance(type_, list) else []
    return others[0] if len(others) == 1 else type_


def name_avro_type(type_: Any) -> str:
    """Returns the name of an Avro type in `--keep-fields`; "?" and the type where it can't be kept.

    For a union with null it is the name of the other type.
    """
    type_ = _unwrap_union(type_)
    if isinstance(type_, list):
        return f"?{type_}"
    if isinstance(type_, dict):
        if "logicalType" in type_:
            return f"?{type_['logicalType']}"
        if type_["type"] == "array":
            item = name_avro_type(type_["items"])
            return f"{item}[]" if item.isalnum() else f"?{type_}"
        return name_avro_type(type_["type"])
    return _FIELD_TYPES.get(type_, f"?{type_}")
