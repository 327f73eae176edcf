"""What a page of an analysis says of documents that are longer than a row."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from albert_embed.pipeline.analysis.corpus_report import CorpusReport
from albert_embed.pipeline.dataset.provenance import TransformProvenance
from albert_embed.pipeline.report.describe_analysis import describe_analysis
from tests.pipeline.made_report import REPORT


def make_report(over_length: float | None = 0.5, **options: Any) -> CorpusReport:
    """Returns a report of four documents of 100 tokens, of which 60 are in rows, with [CLS] and [SEP]."""
    return dataclasses.replace(
        REPORT,
        transform=TransformProvenance(
            fingerprint="t", options={"max_tokens": 20, "long_documents": "truncate", "pair": False, **options}
        ),
        statistics={
            "documents": 4,
            "tokens": 100,
            "rows": 4,
            "row_tokens": 60,
            "rows_of_length": {"15": 4},
            "over_length_share": over_length,
        },
    )


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (make_report(), "leaves out 48 of 100 tokens (48.0 %). --long-documents window keeps them."),
        (make_report(pair=True), "leaves out 52 of 100 tokens (52.0 %). --long-documents window keeps them."),
        (
            make_report(long_documents="window"),
            "50.0 % of the documents are longer than 20 tokens; each of these gets several rows.",
        ),
        (
            make_report(long_documents="reject"),
            "50.0 % of the documents are longer than 20 tokens; these are rejected.",
        ),
        (make_report(0.0), "No document is longer than 20 tokens."),
        (make_report(None), "No document is longer than 20 tokens."),
    ],
    ids=["truncate", "pairs", "window", "reject", "none", "no document"],
)
def test_what_truncation_costs(report: CorpusReport, sentence: str) -> None:
    (section,) = describe_analysis(report, "analysis").histograms
    assert section.sentence.endswith(sentence)
