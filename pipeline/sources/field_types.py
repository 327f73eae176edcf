"""Types of kept fields, read from the first file of the input where it has a schema: Parquet and Avro."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.storage.open_input import open_input

_AVRO_KINDS = {
    "string": "string",
    "bytes": "string",
    "enum": "string",
    "int": "int64",
    "long": "int64",
    "boolean": "int64",
    "float": "float",
    "double": "float",
}


def add_field_types(
    keep_fields: Sequence[str],
    patterns: Sequence[str],
    format_: str,
) -> tuple[str, ...]:
    """`keep_fields` with the types that the input itself says for those that name none.

    Args:
      keep_fields: `NAME` or `NAME:TYPE` each.
      patterns: the input's paths or globs; the first file of the first that matches is looked at.
      format_: the input's format. Only Parquet and Avro have a schema; for any other nothing changes.

    Raises:
      ValueError: where a field is not in the file, or has a type that can't be kept.
    """
    untyped = [field for field in keep_fields if ":" not in field]
    readers: dict[str, Callable[[str], dict[str, str]]] = {"parquet": _read_parquet_kinds, "avro": _read_avro_kinds}
    if not untyped or format_ not in readers:
        return tuple(keep_fields)
    files = [file.path for pattern in patterns for file in FileSystems.match([pattern], [1])[0].metadata_list]
    if not files:
        return tuple(keep_fields)  # the reading step refuses a pattern that matches nothing
    path = min(files)
    try:
        kinds = readers[format_](path)
    except (ValueError, OSError, StopIteration):
        return tuple(keep_fields)  # a broken file is a failure of the run, with everything that it says
    return add_kinds(keep_fields, kinds, path)


def add_kinds(keep_fields: Sequence[str], kinds: dict[str, str], path: str) -> tuple[str, ...]:
    """`keep_fields` with the types that `kinds` says for those that name none; `path` is for the messages."""
    return tuple(field if ":" in field else f"{field}:{_find_kind(field, kinds, path)}" for field in keep_fields)


def _find_kind(field: str, kinds: dict[str, str], path: str) -> str:
    if field not in kinds:
        raise ValueError(
            f"--keep-fields has {field!r}, but {path} has no such column; its columns are: "
            f"{', '.join(sorted(kinds))[:200]}"
        )
    if kinds[field].startswith("?"):
        raise ValueError(
            f"--keep-fields has {field!r}, which is {kinds[field][1:]} in {path}; strings, integers, floats and lists "
            "of them can be kept"
        )
    return kinds[field]


def _read_parquet_kinds(path: str) -> dict[str, str]:
    import pyarrow.parquet as pq

    with open_input(path) as file:
        schema = pq.ParquetFile(pa.PythonFile(file, mode="r")).schema_arrow
    return {field.name: arrow_kind(field.type) for field in schema}


def arrow_kind(type_: pa.DataType) -> str:
    """The kind (`pipeline.settings.kept_fields`) of an Arrow type; "?" and the type where there is none."""
    types = pa.types
    if types.is_dictionary(type_):
        return arrow_kind(type_.value_type)
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        item = arrow_kind(type_.value_type)
        return f"{item}[]" if item.isalnum() else f"?{type_}"
    if types.is_string(type_) or types.is_large_string(type_) or types.is_binary(type_) or types.is_large_binary(type_):
        return "string"
    if types.is_integer(type_) or types.is_boolean(type_):
        return "int64"
    return "float" if types.is_floating(type_) else f"?{type_}"


def _read_avro_kinds(path: str) -> dict[str, str]:
    import fastavro

    with open_input(path) as file:
        schema = fastavro.reader(file).writer_schema
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ValueError(f"{path} holds no records")
    return {field["name"]: avro_kind(field["type"]) for field in schema["fields"]}


def avro_kind(type_: Any) -> str:
    """The kind of kept field of a type of an Avro schema; a union with null is what it is beside null."""
    if isinstance(type_, list):
        others = [item for item in type_ if item != "null"]
        return avro_kind(others[0]) if len(others) == 1 else f"?{type_}"
    if isinstance(type_, dict):
        if "logicalType" in type_:
            return f"?{type_['logicalType']}"
        if type_["type"] == "array":
            item = avro_kind(type_["items"])
            return f"{item}[]" if item.isalnum() else f"?{type_}"
        return avro_kind(type_["type"])
    return _AVRO_KINDS.get(type_, f"?{type_}")
