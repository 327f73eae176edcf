"""The values in the names of folders, as Hive writes them: files below `lang=en/` have the field `lang`."""

from __future__ import annotations

import dataclasses
from urllib.parse import unquote

import pyarrow as pa

from albert_embed.pipeline.records.parse_numbers import parse_numbers
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records

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
    """Returns the records with the values of their file's folders for the wanted fields that they lack.

    That of the id is taken only where an option names it: all records of a folder would have the same.
    """
    partitions = find_partitions(records.file)
    columns = dict(records.columns)
    for name in fields.names:
        if name not in partitions or (name == fields.id and not fields.id_required):
            continue
        (value,) = parse_numbers([partitions[name]], name, fields)
        column = columns.get(name, [None] * len(records.positions))
        if not isinstance(column, pa.Array):
            columns[name] = [value if item is None else item for item in column]
    return dataclasses.replace(records, columns=columns)
