"""Numbers in what has no types: the cells of CSV, and the names of folders."""

from __future__ import annotations

import math
from typing import Any

from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.field_type import FLOAT, INT64


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
    number = int if types == {INT64.name} else float
    return [_parse(value, number) for value in values]


def _parse(value: Any, number: type[int] | type[float]) -> Any:
    try:
        if value and "_" in str(value):  # which Python takes for a separator of digits
            return value
        parsed = number(value) if value else None
    except ValueError:
        return value
    # "1e999" is no infinity, if it becomes one.
    return value if parsed in (math.inf, -math.inf) and any(map(str.isdigit, str(value))) else parsed
