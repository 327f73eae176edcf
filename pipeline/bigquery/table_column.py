"""`TableColumn`: a column of a table as BigQuery describes it, made from Arrow's description, and compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from albert_embed.pipeline.settings.field_type import VALUE_TYPES

_BIGQUERY_TYPES = {
    **{pa.type_for_alias(type_.stored): type_.bigquery for type_ in VALUE_TYPES.values()},
    # Of columns that are not of the rows, but identify their versions.
    pa.binary(): "BYTES",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}
# The API's names of types that GoogleSQL calls otherwise; what BigQuery says of a schema may have either.
_API_NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
_SQL_NAMES = {api: sql for sql, api in _API_NAMES.items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column as BigQuery describes it.

    Attributes:
      name: its name.
      type: its type as the API names it: STRING, INTEGER, FLOAT, BYTES, TIMESTAMP or RECORD.
      mode: NULLABLE, REQUIRED or REPEATED.
      fields: those of a RECORD.
    """

    name: str
    type: str
    mode: str
    fields: tuple[TableColumn, ...] = ()

    def describe(self) -> str:
        """Returns its type as GoogleSQL names it, such as `ARRAY<FLOAT64>`."""
        sql = _SQL_NAMES.get(self.type, self.type)
        if self.type == "RECORD":
            inner = ", ".join(f"{field.name} {field.describe()}" for field in self.fields)
            sql = f"STRUCT<{inner}>"
        return f"ARRAY<{sql}>" if self.mode == "REPEATED" else sql


def read_columns(schema: Iterable[Any]) -> tuple[TableColumn, ...]:
    """Returns columns as BigQuery's client describes them, their types by the API's names.

    Args:
      schema: `google.cloud.bigquery.SchemaField`s.
    """
    return tuple(
        TableColumn(
            name=field.name,
            type=_API_NAMES.get(field.field_type, field.field_type),
            mode=field.mode,
            fields=read_columns(field.fields),
        )
        for field in schema
    )


def describe_schema(schema: pa.Schema) -> tuple[TableColumn, ...]:
    """Returns the columns of a table into which Parquet files of this schema are loaded."""
    return tuple(_describe_column(field) for field in schema)


def _describe_column(field: pa.Field) -> TableColumn:
    """Converts an Arrow field to a column."""
    type_, mode = field.type, "NULLABLE"
    if pa.types.is_list(type_):
        type_, mode = type_.value_type, "REPEATED"
    if pa.types.is_struct(type_):
        inner = tuple(_describe_column(type_.field(number)) for number in range(type_.num_fields))
        return TableColumn(name=field.name, type="RECORD", mode=mode, fields=inner)
    return TableColumn(name=field.name, type=_BIGQUERY_TYPES[type_], mode=mode)


def compare_columns(wanted: tuple[TableColumn, ...], found: tuple[TableColumn, ...]) -> list[str]:
    """Describes why rows with the columns `wanted` do not fit into a table with the columns `found`.

    Other columns of the table are left null, so they must not be REQUIRED. Case and order do not matter.
    """
    differences = []
    by_name = {column.name.lower(): column for column in found}
    for column in wanted:
        other = by_name.pop(column.name.lower(), None)
        if other is None:
            differences.append(f"it has no column {column.name}, which is {column.describe()} here")
        elif _canonical(column) != _canonical(other):
            differences.append(f"its column {column.name} is {other.describe()}; here it is {column.describe()}")
    for column in by_name.values():
        if column.mode == "REQUIRED":
            differences.append(f"its column {column.name} is REQUIRED, and no row here has it")
    return differences


def _canonical(column: TableColumn) -> tuple[object, ...]:
    """Returns what must be equal: name, type, whether it is an array, and the fields; not whether nulls are allowed."""
    return (
        column.name.lower(),
        _API_NAMES.get(column.type, column.type),
        column.mode == "REPEATED",
        tuple(sorted(_canonical(field) for field in column.fields)),
    )
