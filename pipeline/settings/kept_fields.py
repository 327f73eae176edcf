"""`--keep-fields`: fields that travel to the output, with the types that the user names."""

from __future__ import annotations

from typing import Any

from albert_embed.pipeline.settings.field_type import FLOAT, INT64, STRING, VALUE_TYPES, FieldType, ValueType

RESERVED = frozenset(
    (
        "id",
        "text",
        "pair",
        "text_start",
        "input_ids",
        "segment_ids",
        "input_mask",
        "window",
        "window_start",
        "window_lengths",
        "window_starts",
        "truncated",
        "content_hash",
        "window_count",
        "origin",
        "token_count",
        "pooled_output",
        "sequence_output",
        "mean_output",
        "document_output",
        "windows",
        "tokens",
        "token_pieces",
        "token_starts",
        "token_ends",
    )
)


def parse_kept_fields(given: tuple[str, ...]) -> dict[str, FieldType]:
    """Parses fields, each `NAME` or `NAME:TYPE`, into name → type; `string` where no type is given.

    Raises:
      ValueError: if a type is unknown, or a name is given twice or is one of the output's own columns.
    """
    kept: dict[str, FieldType] = {}
    for field in given:
        name, _, type_name = field.partition(":")
        if not name or (type_name or "string").removesuffix("[]") not in VALUE_TYPES:
            raise ValueError(
                f"--keep-fields has {field!r}: give NAME or NAME:TYPE, TYPE one of {', '.join(VALUE_TYPES)}, "
                "with [] after it for lists"
            )
        if name in RESERVED:
            raise ValueError(f"--keep-fields has {name!r}, which is a column of the output itself; rename the field")
        if name in kept:
            raise ValueError(f"--keep-fields has {name!r} twice")
        kept[name] = FieldType.parse(type_name or "string")
    return kept


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


def _convert_one(value: Any, type_: ValueType) -> Any:
    name = type_.name  # compared by name: what was pickled is another object
    if name == STRING.name and isinstance(value, (str, bytes)):
        return value.encode() if isinstance(value, str) else value
    if name == INT64.name and isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)  # true and false as 1 and 0
    if name == FLOAT.name and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"{type(value).__name__} {str(value)[:80]}, which is not of type {type_.name}")


def convert_kept(values: list[Any], name: str, type_: FieldType, errors: dict[int, tuple[str, str]]) -> list[Any]:
    """Converts the values of a kept field: None where one is of another type, and an entry in `errors`."""
    taken = []
    for row, value in enumerate(values):
        try:
            taken.append(convert_value(value, type_))
        except UnicodeEncodeError as e:
            taken.append(None)
            errors.setdefault(
                row, ("invalid Unicode", f"the field {name!r} holds half of a surrogate pair: {e.reason}")
            )
        except ValueError as e:
            taken.append(None)
            hint = f"it is kept as {type_}; choose another type with --keep-fields {name}:TYPE"
            errors.setdefault(row, ("wrong type", f"the field {name!r} is {e}; {hint}"))
    return taken
