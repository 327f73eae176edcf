"""`to_plain`: values of rows as people and JSON take them."""

from __future__ import annotations

from typing import Any


def to_plain(value: Any) -> Any:
    r"""Returns a value of a row, bytes and lists of them as text; what is not UTF-8 is written as `\xNN`."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    return [to_plain(item) for item in value] if isinstance(value, list) else value
