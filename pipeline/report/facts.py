"""Formats values as words, for the tables of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from albert_embed.pipeline.report.page import Fact


def list_facts(values: Mapping[str, Any], *, prefix: str = "") -> list[Fact]:
    """Lists names and values, nested names with dots. Values that are None, empty or False are left out."""
    facts = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            facts += list_facts(value, prefix=f"{prefix}{name}.")
        elif value not in (None, "", False) and value != [] and value != ():
            facts.append(Fact(name=f"{prefix}{name}".replace("_", " "), value=describe_value(value)))
    return facts


def describe_value(value: Any) -> str:
    """Formats a value: numbers with commas for thousands, lists with commas between."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, (list, tuple)):
        return ", ".join(describe_value(item) for item in value)
    return str(value)


def shorten(text: Any, limit: int) -> str:
    """Returns at most `limit` characters of a text or bytes, on one line, with "…" where more follows."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="backslashreplace")
    words = " ".join(str(text).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"
