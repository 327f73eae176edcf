"""The report of an analysis, as it would be of a small corpus."""

from __future__ import annotations

from albert_embed.pipeline.analysis.corpus_report import (
    AnalysedCorpus,
    AnalysisMeasurements,
    CorpusFailures,
    CorpusReport,
)
from albert_embed.pipeline.dataset.provenance import TransformProvenance
from tests.pipeline.made_manifest import MODEL

REPORT = CorpusReport(
    created="2026-11-25T12:00:00+00:00",
    corpus=AnalysedCorpus(patterns=["corpus.txt"], format="text", files=1, bytes=500, files_read=1, files_from_cache=0),
    model=MODEL,
    transform=TransformProvenance(fingerprint="t", options={}),
    statistics={},
    failures=CorpusFailures(count=1, by_reason={"read: not UTF-8": 1}),
    plan=None,
    options={},
    measured=AnalysisMeasurements(start_seconds=1.0, pipeline_seconds=2.0, documents_read=4, counters={}),
    versions={},
)
