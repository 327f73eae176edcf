"""An analysis as a `Page`."""

from __future__ import annotations

import dataclasses

import numpy as np

from albert_embed.pipeline.analysis.corpus_report import CorpusReport
from albert_embed.pipeline.report.charts import Histogram, count_histogram, make_shares
from albert_embed.pipeline.report.facts import list_facts
from albert_embed.pipeline.report.page import Fact, FactTable, FailureGroup, HistogramSection, Page
from albert_embed.transforms.graph.preprocessing_config import count_special_tokens
from albert_embed.transforms.steps.failure import list_most_frequent

# What becomes of documents that do not fit into a row, by --long-documents.
_NOT_TRUNCATED = {"window": "each of these gets several rows", "reject": "these are rejected"}


def describe_analysis(report: CorpusReport, directory: str) -> Page:
    """Makes a page of what an analysis found.

    Args:
      report: the content of `analysis.json`.
      directory: the analysis.
    """
    statistics = report.statistics
    plan = report.plan
    here = {} if plan is None or plan.here is None else dataclasses.asdict(plan.here)
    return Page(
        title=f"Analysis in {directory}",
        subtitle=f"Made {report.created} for {report.model.name}",
        headline=[
            Fact(name="documents", value=f"{statistics['documents']:,}"),
            Fact(name="tokens", value=f"{statistics['tokens']:,}"),
            Fact(name="rows to embed", value=f"{statistics['rows']:,}"),
            Fact(name="failures", value=f"{report.failures.count:,}"),
        ],
        histograms=[
            HistogramSection(
                heading="Tokens per row",
                histogram=_count_rows(statistics["rows_of_length"], report.transform.options["max_tokens"]),
                sentence=_describe_truncation(report),
            )
        ],
        failures=[
            FailureGroup(category=category, count=count, examples=[])
            for category, count in list_most_frequent(report.failures.by_reason)
        ],
        stages=make_shares(here.get("seconds_by_part", {})),
        tables=[
            FactTable(heading="Corpus", facts=list_facts(dataclasses.asdict(report.corpus))),
            FactTable(heading="Documents", facts=list_facts({**statistics, "rows_of_length": {}})),
            FactTable(heading="Plan for this machine", facts=list_facts(here)),
            FactTable(heading="Model", facts=list_facts(report.model.to_dict())),
            FactTable(heading="Preprocessing", facts=list_facts(dataclasses.asdict(report.transform))),
            FactTable(heading="Versions", facts=list_facts(report.versions)),
        ],
    )


def _count_rows(rows_of_length: dict[str, int], max_tokens: int) -> Histogram:
    counts = np.zeros(max_tokens + 1, np.int64)
    for length, count in rows_of_length.items():
        counts[int(length)] = count
    return count_histogram(counts, limit=max_tokens, limit_label=f"max-tokens {max_tokens}")


def _describe_truncation(report: CorpusReport) -> str:
    """Describes what `--max-tokens` costs, in a sentence."""
    statistics, options = report.statistics, report.transform.options
    share = 100 * (statistics["over_length_share"] or 0)
    if not share:
        return f"No document is longer than {options['max_tokens']} tokens."
    sentence = f"{share:.1f} % of the documents are longer than {options['max_tokens']} tokens"
    if options["long_documents"] != "truncate":
        return f"{sentence}; {_NOT_TRUNCATED[options['long_documents']]}."
    framing = count_special_tokens(pair=options["pair"])
    lost = max(0, statistics["tokens"] - (statistics["row_tokens"] - framing * statistics["rows"]))
    lost_share = 100 * lost / statistics["tokens"]
    return (
        f"{sentence}; truncating them leaves out {lost:,} of {statistics['tokens']:,} tokens ({lost_share:.1f} %). "
        "--long-documents window keeps them."
    )
