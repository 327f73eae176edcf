"""Fields of fields, by dots: `meta.title` is the field `title` of `meta`, unless a field has that very name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def find_value(record: Mapping[str, Any], name: str) -> Any:
    """Returns the value of a record's field; None if there is no such field."""
    if name in record or "." not in name:
        return record.get(name)
    for head, rest in split_name(name):
        inner = record.get(head)
        if isinstance(inner, Mapping):
            return find_value(inner, rest)
    return None


def has_path(record: Mapping[str, Any], name: str) -> bool:
    """Returns whether a record has a field of a field, if only as null; not one whose very name has dots."""
    for head, rest in split_name(name):
        inner = record.get(head)
        if isinstance(inner, Mapping):
            return rest in inner or has_path(inner, rest)
    return False


def find_path(fields: Iterable[pa.Field], name: str) -> tuple[str, ...] | None:
    """Returns the names of the columns that lead to a field, the outermost first; None if there is no such field.

    Args:
      fields: of a schema, or of a struct.
      name: of the field.
    """
    types = {field.name: field.type for field in fields}
    if name in types:
        return (name,)
    for head, rest in split_name(name):
        if head in types and pa.types.is_struct(types[head]):
            path = find_path(types[head].fields, rest)
            return None if path is None else (head, *path)
    return None


def take_column(batch: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    """Returns the column that a path leads to, null wherever a struct around it is."""
    column = batch.column(path[0])
    return pc.struct_field(column, list(path[1:])) if len(path) > 1 else column


def split_name(name: str) -> Iterator[tuple[str, str]]:
    """Yields what stands before and behind each dot of a name."""
    for place, character in enumerate(name):
        if character == ".":
            yield name[:place], name[place + 1 :]
