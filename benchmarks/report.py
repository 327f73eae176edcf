"""The table that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_MISSING = "-"
_WIDTH = 160  # of a table that goes to a file


def print_table(results: Mapping[str, Any]) -> None:
    """Prints the rows, what could not be measured and why, and the machine's own rates."""
    corpus, machine = results["corpus"], results["machine"]
    table = Table(
        title=f"{corpus['documents']:,} documents, {corpus['tokens']:,} tokens; {machine['processor']}, "
        f"{machine['cores']} cores",
        title_justify="left",
    )
    table.add_column("what")
    table.add_column("precision")
    for name in ("useful tokens/s", "ratio", "fill", "peak MiB", "start-up s", "of matmul", "difference", "cosine"):
        table.add_column(name, justify="right")
    for row in results["rows"]:
        table.add_row(*_format_row(row))
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(table)
    for row in results["rows"]:
        if row["status"] == "not measured":
            console.print(escape(f"not measured: {row['title']}, {row['precision']}: {row['reason']}"))
        if row["status"] == "wrong":
            console.print(escape(f"WRONG: {row['title']}, {row['precision']} does not compute what the first row does"))
    for precision, rate in results["matmul_flops_per_second"].items():
        console.print(f"TensorFlow's own matmul, {precision}: {rate / 1e9:,.1f} GFLOP/s")
    different = corpus["documents_that_peers_tokenize_otherwise"]
    if different:
        console.print(f"{different} documents are tokenised differently by the peers and not compared (equal scores)")


def _format_row(row: Mapping[str, Any]) -> list[str]:
    title, precision = escape(row["title"]), row["precision"]
    if row["status"] == "not measured":
        return [f"[dim]{title}[/dim]", f"[dim]{precision}[/dim]", "[dim]not measured[/dim]", *[_MISSING] * 7]
    agreement = row["agreement"]
    style = "red" if row["status"] == "wrong" else "bold" if row["kind"] == "embed" else "none"
    return [
        f"[{style}]{title}[/{style}]",
        precision,
        _format(row["tokens_per_second"], ",.0f") + (" WRONG" if row["status"] == "wrong" else ""),
        _format(row["ratio"], ".2f"),
        _format(row["fill"], ".3f"),
        f"{row['peak_bytes'] / 2**20:,.0f}",
        _format(row["start_up_seconds"], ".1f"),
        _format(row.get("share_of_matmul"), ".0%"),
        _format(agreement and agreement["largest_difference"], ".1e"),
        _format(agreement and agreement["smallest_cosine"], ".5f"),
    ]


def _format(value: float | None, form: str) -> str:
    return _MISSING if value is None else format(value, form)
