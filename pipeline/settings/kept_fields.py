"""`--keep-fields`: fields to copy to the output, with the types that the user names."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import functools
import math
import re
import uuid
from collections.abc import Sequence
from typing import Any, NoReturn

from albert_embed.pipeline.settings.field_type import FLOAT, INT64, STRING, VALUE_TYPES, FieldType, ValueType

# What has no type of its own in a tf.Example; a string holds it exactly.
AS_TEXT = (decimal.Decimal, datetime.date, datetime.time, uuid.UUID)
_INFINITE = 2.0**128 - 2.0**103  # from here on a float of 32 bits is infinite
# "NAME AS COLUMN"
_RENAMED = re.compile(r"(\S.*?)\s+AS\s+(\S+)", re.IGNORECASE | re.DOTALL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeptField:
    """A field that travels to the output.

    Attributes:
      field: its name in the input.
      column: its name in the output.
      type_name: the type that the user names; empty where they leave it to the input.
    """

    field: str
    column: str
    type_name: str = ""

    @staticmethod
    def parse(given: str) -> KeptField:
        """Parses `NAME`, `NAME:TYPE`, `NAME AS COLUMN` or `NAME AS COLUMN:TYPE`.

        What stands behind the last colon is a type only if there is such a type: names may have colons.

        Raises:
          ValueError: if there is no name, or the column is one of the output's own.
        """
        name, _, type_name = given.rpartition(":")
        if type_name.removesuffix("[]") not in VALUE_TYPES:
            name, type_name = given, ""
        name = name.strip()
        if not name:
            raise ValueError(
                f"--keep-fields has {given!r}: give NAME, NAME:TYPE or 'NAME AS COLUMN:TYPE', TYPE one of "
                f"{', '.join(VALUE_TYPES)}, with [] after it for lists"
            )
        renamed = _RENAMED.fullmatch(name)
        field, column = renamed.groups() if renamed else (name, name)
        kept = KeptField(field=field, column=column, type_name=type_name)
        if is_reserved(column):
            kept.refuse()
        return kept

    def refuse(self) -> NoReturn:
        """Raises ValueError: the output itself has a column of this name."""
        raise ValueError(
            f"--keep-fields has {self.column!r}, which is a column of the output itself; give it another name there: "
            f"--keep-fields '{self.field} AS source_{self.column}'"
        )

    def with_type(self, type_name: str) -> str:
        """Returns the field as it is given to `--keep-fields`, with a type."""
        name = self.field if self.field == self.column else f"{self.field} AS {self.column}"
        return f"{name}:{type_name}"


def is_reserved(column: str, *, of_documents: bool = False) -> bool:
    """Returns whether the output itself may have a column of this name.

    Args:
      column: the name.
      of_documents: whether its rows of documents may.
    """
    return column in _list_own_columns() or (of_documents and column in _list_document_columns())


@functools.cache
def _list_own_columns() -> frozenset[str]:
    # Here, because `--help` needs no Arrow.
    from albert_embed.transforms.rows import columns

    free = {*columns.TRAVELLING_NAMES, *_list_document_columns()}
    scales = (name + columns.SCALE_SUFFIX for name in columns.VECTOR_COLUMNS)
    return frozenset({columns.INPUT_MASK, *columns.TYPES, *scales} - free)


def _list_document_columns() -> tuple[str, ...]:
    from albert_embed.transforms.rows import columns

    return (columns.WINDOWS, columns.TOKENS)


def list_kept_fields(given: Sequence[str]) -> list[KeptField]:
    """Parses fields, in the order given.

    Raises:
      ValueError: if one can't be parsed, or two have the same name in the output.
    """
    fields: dict[str, KeptField] = {}
    for item in given:
        field = KeptField.parse(item)
        if field.column in fields:
            raise ValueError(f"--keep-fields has {field.column!r} twice")
        fields[field.column] = field
    return list(fields.values())


def parse_kept_fields(given: Sequence[str]) -> dict[str, FieldType]:
    """Parses fields (`KeptField.parse`) into column of the output → type; `string` where no type is given.

    Raises:
      ValueError: if one can't be parsed, or two have the same name in the output.
    """
    return {field.column: FieldType.parse(field.type_name or STRING.name) for field in list_kept_fields(given)}


def convert_value(value: Any, type_: FieldType) -> Any:
    """Converts `value` to a type; None stays None.

    Raises:
      ValueError: if it is not of that type.
    """
    if value is None:
        return None
    if not type_.is_list:
        return _convert_one(value, type_.value)
    values = value if isinstance(value, (list, tuple)) else [value]
    if any(item is None for item in values):
        raise ValueError("a list with a null, which a tf.Example can't hold")
    return [_convert_one(item, type_.value) for item in values]


def write_text(value: Any) -> str:
    """Writes what has no type of its own as text, decimals with all their digits and without an exponent."""
    return f"{value:f}" if isinstance(value, decimal.Decimal) else str(value)


def _convert_one(value: Any, type_: ValueType) -> Any:
    name = type_.name  # compared by name: what was pickled is another object
    if name == STRING.name and isinstance(value, (str, bytes)):
        return value.encode() if isinstance(value, str) else value
    if name == STRING.name and isinstance(value, AS_TEXT):
        return write_text(value).encode()
    if name == FLOAT.name and isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool):
        return _to_float(value)
    if isinstance(value, decimal.Decimal) and value == value.to_integral_value():
        value = int(value)
    if name == INT64.name and isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)  # true and false as 1 and 0
    raise ValueError(f"{type(value).__name__} {str(value)[:80]}, which is not of type {type_.name}")


def _to_float(value: float | decimal.Decimal) -> float:
    """Returns a number as a float, which one of 32 bits can hold.

    Raises:
      ValueError: if it is so large that it would become infinite.
    """
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if abs(number) >= _INFINITE and not (isinstance(value, float) and math.isinf(value)):
        raise ValueError(f"{type(value).__name__} {str(value)[:80]}, which is larger than a float of 32 bits can be")
    return number
