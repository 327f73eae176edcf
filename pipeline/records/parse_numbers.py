"""Numbers that stand in a file as digits: in JSON, in the cells of CSV, and in the names of folders."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.field_type import FLOAT, INT64


@dataclasses.dataclass(frozen=True, kw_only=True)
class HugeNumber:
    """A number, as it is written, that Python would take for infinity. It is of no type that a field can have."""

    written: str

    def __str__(self) -> str:
        return self.written


def parse_float(written: str) -> float | HugeNumber:
    """Parses a number as a float. "inf" is infinity, and "1e999" is not, though it would become that.

    Raises:
      ValueError: if it is no number.
    """
    number = float(written)
    is_huge = math.isinf(number) and any(map(str.isdigit, written))
    return HugeNumber(written=written) if is_huge else number


def parse_numbers(values: list[Any], name: str, fields: RecordFields) -> list[Any]:
    """Returns strings as the numbers that a kept field asks for; what is no number stays, and what is empty is None.

    Args:
      values: strings, bytes or None.
      name: of the field.
      fields: with the types. A field that is also kept as another type, or read as text or id, stays as it is.
    """
    types = {type_.value.name for column, type_ in fields.kept.items() if fields.find_field(column) == name}
    if len(types) != 1 or name in (fields.text, fields.id, fields.pair) or not types & {INT64.name, FLOAT.name}:
        return values
    parse = int if types == {INT64.name} else parse_float
    return [_parse(value, parse) for value in values]


def _parse(value: Any, parse: Callable[[str], Any]) -> Any:
    if not value:
        return None
    written = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    try:
        return value if "_" in written else parse(written)  # which Python takes for a separator of digits
    except ValueError:
        return value
