"""What `analyze` prints for people, with rich."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.corpus_report import CorpusReport
from pipeline.report import print_pairs


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
