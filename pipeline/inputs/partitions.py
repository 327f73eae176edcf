"""The values in the names of folders, as Hive writes them: files below `lang=en/` have the field `lang`."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.field_type import FLOAT, INT64

_NULL = "__HIVE_DEFAULT_PARTITION__"


def find_partitions(path: str) -> dict[str, str | None]:
    """Returns field → value of the folders that a file lies in; null as Hive writes it is None."""
    partitions: dict[str, str | None] = {}
    for folder in path.split("/")[:-1]:
        name, is_partition, value = folder.partition("=")
        if name and is_partition:
            partitions[unquote(name)] = None if value == _NULL else unquote(value)
    return partitions


def add_partitions(records: Records, fields: RecordFields) -> Records:
    """Returns the records with the values of their file's folders for the wanted fields that they lack."""
    partitions = find_partitions(records.file)
    columns = dict(records.columns)
    for name in fields.names:
        if name not in partitions:
            continue
        value = _convert(partitions[name], name, fields)
        column = columns.get(name, [None] * len(records.positions))
        if not isinstance(column, pa.Array):
            columns[name] = [value if item is None else item for item in column]
    return dataclasses.replace(records, columns=columns)


def _convert(value: str | None, name: str, fields: RecordFields) -> Any:
    """A value as the number that a kept field asks for; as the string that it is if it is none."""
    types = {type_.value.name for column, type_ in fields.kept.items() if fields.find_field(column) == name}
    try:
        if value is not None and types == {INT64.name}:
            return int(value)
        if value is not None and types == {FLOAT.name}:
            return float(value)
    except ValueError:
        pass
    return value
