"""The table that people read."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.stages.result import Result

_WIDTH = 160  # of a table that goes to a file
_VERDICTS = {True: "[green]yes[/green]", False: "[red]NO[/red]", None: "-"}


def print_results(results: Sequence[Result]) -> None:
    """Prints each row with its target."""
    table = Table(title="stages", title_justify="left", show_lines=True)
    for name in ("what", "target", "measured", "reached"):
        table.add_column(name, overflow="fold")
    for result in results:
        table.add_row(escape(result.what), escape(result.target), escape(result.measured), _VERDICTS[result.reached])
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(table)
