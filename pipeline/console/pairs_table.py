"""A table of names and values, with which most commands end, and the cells of all tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from albert_embed.pipeline.console.output import escape_controls

# Of the values: on a narrow terminal names are broken into lines, too, so that there is room for these.
_MIN_WIDTH = 10


def make_pairs_table(title: str, rows: Mapping[str, Any]) -> Table:
    """Returns a table of two columns; numbers with commas between the thousands."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold", min_width=_MIN_WIDTH)
    for name, value in rows.items():
        table.add_row(make_cell(name), make_cell(f"{value:,}" if isinstance(value, (int, float)) else str(value)))
    return table


def make_cell(text: str) -> Text:
    """Returns a text as a cell. Markup, names of emoji and control characters mean nothing in it."""
    return Text(escape_controls(text))
