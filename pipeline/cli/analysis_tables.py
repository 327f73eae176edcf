"""What `analyze` prints for people, with rich."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from albert_embed.pipeline.analysis.corpus_report import CorpusReport
from albert_embed.pipeline.cli.report import print_pairs


def print_analysis(report: CorpusReport, directory: str) -> None:
    """The tables at the end of `analyze`."""
    corpus, statistics, failures = report.corpus, report.statistics, report.failures
    quantiles = statistics["token_quantiles"]
    shown = ("p1", "p25", "p50", "p75", "p90", "p99")
    counts = statistics["counts"]
    rows: dict[str, Any] = {
        "published": directory,
        "files": f"{corpus['files']:,}, {corpus['files_from_cache']:,} of them known from the cache",
        "documents": statistics["documents"],
        "bytes of text": statistics["text_bytes"],
        "tokens": statistics["tokens"],
        "tokens per document, " + " / ".join(shown): " / ".join(f"{quantiles[name]:,}" for name in shown),
        "tokens of the longest document": statistics["longest_tokens"],
        f"longer than max-tokens {report.transform['options']['max_tokens']}": _share(
            counts["over_length"], statistics["over_length_share"]
        ),
        "empty": _share(counts["empty"], statistics["empty_share"]),
        "duplicates": _share(statistics["documents"] - counts["distinct"], statistics["duplicate_share"])
        + ("" if statistics["duplicate_share_is"] == "exact" else f", {statistics['duplicate_share_is']}"),
        "unknown pieces": _share(counts["unknown_tokens"], statistics["unknown_share"]),
        "letters": ", ".join(f"{script} {share:.2%}" for script, share in statistics["letter_shares"].items())
        or "none",
        "rows for the model": statistics["rows"],
        "tokens of the rows": statistics["row_tokens"],
        "failures": failures["count"],
        **{f"  {reason}": count for reason, count in failures["by_reason"].items()},
        "seconds, start / pipeline": f"{report.measured['start_seconds']} / {report.measured['pipeline_seconds']}",
    }
    print_pairs("analyze", rows)
    _print_lengths(statistics["documents_up_to_tokens"])
    _print_shapes(report.batch_shapes)
    if report.plan is not None:
        _print_plan(report.plan)


def _share(count: int, share: float | None) -> str:
    return f"{max(0, count):,}" if share is None else f"{max(0, count):,} ({share:.2%})"


def _print_lengths(documents: dict[str, int]) -> None:
    if not documents:
        return
    table = Table(title="documents by tokens", title_justify="left")
    table.add_column("up to", justify="right")
    table.add_column("documents", justify="right")
    table.add_column("")
    most = max(documents.values())
    for bound, count in documents.items():
        table.add_row(f"{int(bound):,}", f"{count:,}", "█" * round(30 * count / most))
    Console().print(table)


def _print_shapes(shapes: dict[str, Any]) -> None:
    if not shapes["lengths"]:
        return
    fill = shapes["tokens"] / shapes["padded_tokens"]
    table = Table(title=f"lengths to pad to that waste least (fill {fill:.3f})", title_justify="left")
    table.add_column("length", justify="right")
    table.add_column("rows", justify="right")
    for length, rows in zip(shapes["lengths"], shapes["rows"], strict=True):
        table.add_row(escape(f"{length:,}"), f"{rows:,}")
    Console().print(table)


def _print_plan(plan: dict[str, Any]) -> None:
    made = plan["for"]
    rows: dict[str, Any] = {
        "for": f"{', '.join(made['embeddings'])} as {made['encoding']}, {made['precision']}, engine {made['engine']}",
        "rows": plan["rows"],
        "batches": f"{plan['batches']:,} of at most {plan['batch_tokens']:,} padded tokens",
        "tokens, real / padded": f"{plan['tokens']:,} / {plan['padded_tokens']:,}",
        "bytes, as TFRecord": plan["output_bytes"],
    }
    if (here := plan["here"]) is not None:
        rows["seconds on this machine"] = f"{here['seconds']:,}"
        rows |= {f"  {part}": f"{spent:,}" for part, spent in here["seconds_by_part"].items()}
        rows["tokens / s on this machine"] = f"{here['tokens_per_second']:,.0f}"
        rows["from"] = f"{here['timed_batches']} batches, timed in {here['timed_seconds']} s"
    print_pairs("plan for embed (estimates)", rows)
    if plan["accelerators"]:
        table = Table(title="on accelerators (estimates)", title_justify="left")
        for name in ("accelerator", "workers", "tokens / s", "hours", "dollars"):
            table.add_column(name, justify="left" if name == "accelerator" else "right")
        for row in plan["accelerators"]:
            speed = "-" if row["tokens_per_second"] is None else f"{row['tokens_per_second']:,}"
            cells = (f"{row['workers']:,}", speed, f"{row['hours']:,.2f}", f"{row['dollars']:,.2f}")
            table.add_row(escape(row["accelerator"]), *cells)
        Console().print(table)
    Console().print(
        "All of this is estimated. Of accelerators nothing was measured: what their makers say, times a share that is "
        "assumed, and list prices that nobody looked up for this run. The rates and the source of each stand in "
        f"{escape(plan['rates_file'])}; edit it, or give your own with --rates.",
        soft_wrap=True,
    )
