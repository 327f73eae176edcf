"""`--keep-fields`: fields that travel to the output, with the types that the user names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("string", "int64", "float")
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


def parse_kept_fields(given: tuple[str, ...]) -> dict[str, str]:
    """`name` or `name:type` → name → type; `string` where none is given. `type[]` is a list.

    Raises:
      ValueError: where a type is unknown, or a name is given twice or is one of the output's own columns.
    """
    kept: dict[str, str] = {}
    for field in given:
        name, _, kind = field.partition(":")
        kind = kind or "string"
        if not name or kind.removesuffix("[]") not in KINDS:
            raise ValueError(
                f"--keep-fields has {field!r}: give NAME or NAME:TYPE, TYPE one of {', '.join(KINDS)}, "
                "with [] behind it for lists"
            )
        if name in RESERVED:
            raise ValueError(f"--keep-fields has {name!r}, which is a column of the output itself; rename the field")
        if name in kept:
            raise ValueError(f"--keep-fields has {name!r} twice")
        kept[name] = kind
    return kept


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a kept field: strings as binary, floats as float32, which is what a tf.Example holds."""
    import pyarrow as pa

    one = {"string": pa.binary(), "int64": pa.int64(), "float": pa.float32()}[kind.removesuffix("[]")]
    return pa.large_list(one) if kind.endswith("[]") else one


def decode_kept(column: pa.Array | None, kind: str, rows: int) -> pa.Array:
    """A kept field as tfx-bsl reads it, a list per row or nothing at all → a column of its type."""
    import pyarrow as pa

    if column is None or pa.types.is_null(column.type):
        return pa.nulls(rows, arrow_type(kind))
    if kind.endswith("[]"):
        return column.cast(arrow_type(kind))
    return pa.array([value[0] if value else None for value in column.to_pylist()], arrow_type(kind))


def convert_value(value: Any, kind: str) -> Any:
    """`value` as a value of `kind`; None stays.

    Raises:
      ValueError: where it is none.
    """
    if value is None:
        return None
    if kind.endswith("[]"):
        values = value if isinstance(value, (list, tuple)) else [value]
        if any(item is None for item in values):
            raise ValueError("a list with a null, which a tf.Example can't hold")
        return [convert_value(item, kind.removesuffix("[]")) for item in values]
    if kind == "string" and isinstance(value, (str, bytes)):
        return value.encode() if isinstance(value, str) else value
    if kind == "int64" and isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)  # true and false as 1 and 0
    if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"{type(value).__name__} {str(value)[:80]}, which is no {kind}")


def convert_kept(values: list[Any], name: str, kind: str, errors: dict[int, tuple[str, str]]) -> list[Any]:
    """The values of a kept field, None where one is of another type, which goes to `errors`."""
    taken = []
    for row, value in enumerate(values):
        try:
            taken.append(convert_value(value, kind))
        except ValueError as e:
            taken.append(None)
            hint = f"it is kept as {kind}; another type is given as --keep-fields {name}:TYPE"
            errors.setdefault(row, ("wrong type", f"the field {name!r} is {e}; {hint}"))
    return taken
