"""Formats values as words, for the tables of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from albert_embed.pipeline.report.page import Fact

# A command line may name thousands of files.
_MAX_ITEMS = 20
_MAX_CHARACTERS = 1000


def list_facts(values: Mapping[str, Any], *, prefix: str = "") -> list[Fact]:
    """Lists names and values, nested names with dots. Values that are None, empty, 0 or False are left out."""
    facts = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            facts += list_facts(value, prefix=f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for number, item in enumerate(value[:_MAX_ITEMS], 1):
                facts += list_facts(item, prefix=f"{prefix}{name}.{number}.")
        elif value not in (None, "", False) and value != [] and value != ():
            facts.append(Fact(name=f"{prefix}{name}".replace("_", " "), value=describe_value(value)))
    return facts


def describe_value(value: Any) -> str:
    """Formats a value: numbers with commas for thousands, lists with commas between; long ones are cut."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, (list, tuple)):
        more = [f"and {len(value) - _MAX_ITEMS:,} more"] if len(value) > _MAX_ITEMS else []
        return ", ".join([*map(describe_value, value[:_MAX_ITEMS]), *more])
    return shorten(value, _MAX_CHARACTERS)


def shorten(text: Any, limit: int) -> str:
    """Returns at most `limit` characters of a text or bytes, on one line, with "…" where more follows."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="backslashreplace")
    words = " ".join(str(text).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"
