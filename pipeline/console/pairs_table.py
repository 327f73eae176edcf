"""A table of names and values, with which most commands end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table


def make_pairs_table(title: str, rows: Mapping[str, Any]) -> Table:
    """Returns a table of two columns; numbers with commas between the thousands."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(escape(name), escape(f"{value:,}" if isinstance(value, (int, float)) else str(value)))
    return table
