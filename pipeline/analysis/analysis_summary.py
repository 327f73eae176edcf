"""The summary that `analyze` shows people at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions
from rich.markup import escape
from rich.table import Table

from albert_embed.pipeline.analysis.corpus_report import CorpusReport
from albert_embed.pipeline.analysis.embed_plan import AcceleratorPlan, EmbedPlan
from albert_embed.pipeline.console.pairs_table import make_pairs_table

if TYPE_CHECKING:
    from albert_embed.pipeline.console.output import Block

_MAX_BAR_WIDTH = 30


def make_analysis_summary(report: CorpusReport, directory: str) -> tuple[Block, ...]:
    """Tables of what the corpus holds, and of the plan where one was asked for."""
    return (
        _make_corpus_table(report, directory),
        *_make_lengths_table(report.statistics["documents_up_to_tokens"]),
        *(() if report.plan is None else _make_plan_blocks(report.plan)),
    )


def _make_corpus_table(report: CorpusReport, directory: str) -> Table:
    corpus, statistics, failures = report.corpus, report.statistics, report.failures
    quantiles = statistics["token_quantiles"]
    shown = ("p1", "p25", "p50", "p75", "p90", "p99")
    counts = statistics["counts"]
    rows: dict[str, Any] = {
        "published": directory,
        "files": f"{corpus.files:,}, {corpus.files_from_cache:,} of them known from the cache",
        "documents": statistics["documents"],
        "bytes of text": statistics["text_bytes"],
        "tokens": statistics["tokens"],
        "tokens per document, " + " / ".join(shown): " / ".join(f"{quantiles[name]:,}" for name in shown),
        "tokens of the longest document": statistics["longest_tokens"],
        f"longer than max-tokens {report.transform.options['max_tokens']}": _share(
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
        "failures": failures.count,
        **{f"  {reason}": count for reason, count in failures.by_reason.items()},
        "seconds, start / pipeline": f"{report.measured.start_seconds} / {report.measured.pipeline_seconds}",
    }
    return make_pairs_table("analyze", rows)


def _share(count: int, share: float | None) -> str:
    return f"{max(0, count):,}" if share is None else f"{max(0, count):,} ({share:.2%})"


def _make_lengths_table(documents: dict[str, int]) -> Iterator[Table]:
    if not documents:
        return
    table = Table(title="documents by tokens", title_justify="left")
    table.add_column("up to", justify="right")
    table.add_column("documents", justify="right")
    table.add_column("")
    most = max(documents.values())
    for bound, count in documents.items():
        table.add_row(f"{int(bound):,}", f"{count:,}", _Bar(round(_MAX_BAR_WIDTH * count / most)))
    yield table


class _Bar:
    """A bar of so many characters, drawn with characters that the terminal has."""

    def __init__(self, width: int) -> None:
        self._width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[str]:
        yield ("#" if options.ascii_only else "█") * self._width


def _make_plan_blocks(plan: EmbedPlan) -> Iterator[Block]:
    planned = plan.planned
    rows: dict[str, Any] = {
        "for": f"{', '.join(planned.embeddings)} as {planned.encoding}, {planned.precision}, engine {planned.engine}",
        "rows": plan.rows,
        "batches": f"{plan.batches:,} of at most {plan.batch_tokens:,} padded tokens",
        "tokens, real / padded": f"{plan.tokens:,} / {plan.padded_tokens:,}",
        "bytes, as TFRecord": plan.output_bytes,
    }
    if (here := plan.here) is not None:
        rows["seconds on this machine"] = f"{here.seconds:,}"
        rows |= {f"  {part}": f"{spent:,}" for part, spent in here.seconds_by_part.items()}
        rows["tokens / s on this machine"] = f"{here.tokens_per_second:,.0f}"
        rows["from"] = f"{here.timed_batches} batches, timed in {here.timed_seconds} s"
    yield make_pairs_table("plan for embed (estimates)", rows)
    if plan.accelerators:
        yield _make_accelerators_table(plan.accelerators)
    yield (
        "All of this is estimated. Nothing was measured on accelerators: their rates are the makers' figures times "
        "an assumed share, and their prices are list prices that were not looked up for this run. Where the limit is "
        "the host, it is what one worker reads, prepares and writes. Each rate and its source are in "
        f"{plan.rates_file}; edit it, or give your own with --rates."
    )


def _make_accelerators_table(planned: Sequence[AcceleratorPlan]) -> Table:
    table = Table(title="on Dataflow (estimates)", title_justify="left")
    for name in ("accelerator", "workers", "tokens / s", "limit", "hours", "dollars"):
        table.add_column(name, justify="left" if name == "accelerator" else "right")
    for row in planned:
        speed = "-" if row.tokens_per_second is None else f"{row.tokens_per_second:,}"
        cells = (f"{row.workers:,}", speed, row.limit, f"{row.hours:,.2f}", f"{row.dollars:,.2f}")
        table.add_row(escape(row.accelerator), *cells)
    return table
