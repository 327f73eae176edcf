"""Turns measurements into `results.json`: rates, ratios, shares, and whether every row computed the same."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine, git_commit
from benchmarks.measurement import RowMeasurement
from benchmarks.outcome import Outcome, read_outcome
from benchmarks.places import Places
from benchmarks.tokens import Tokens, read_tokens
from benchmarks.verification import Agreement, compare, equal_documents

_PRECISIONS = ("float32", "bfloat16", "int8")  # the less exact, the later


def make_results(
    measurements: Sequence[RowMeasurement],
    matmul: Mapping[str, Sequence[Mapping[str, Any]]],
    places: Places,
    *,
    description: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns what `results.json` holds; `description` says what was asked for."""
    tokens = read_tokens(places.tokens)
    every_document = np.ones(len(tokens), bool)
    same_ids = every_document
    if places.peers_tokens.exists():
        same_ids = equal_documents(tokens, read_tokens(places.peers_tokens))
    rates = {
        precision: statistics.median(report["flops_per_second"] for report in reports)
        for precision, reports in matmul.items()
    }
    first = measurements[0]
    reference = read_outcome(places.outcome(first.row.key)) if first.failure is None else None
    rows = []
    for measurement in measurements:
        documents = same_ids if measurement.row.kind == "peer" else every_document
        agreement = _check(measurement, first, reference, places, documents)
        rows.append(_describe_row(measurement, first, agreement, tokens, rates))
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **description,
        "commit": git_commit(),
        "machine": describe_machine(),
        "corpus": {
            "documents": len(tokens),
            "tokens": int(tokens.splits[-1]),
            "sha256": hashlib.sha256(places.corpus.read_bytes()).hexdigest(),
            "documents_that_peers_tokenize_otherwise": int((~same_ids).sum()),
        },
        "matmul_flops_per_second": rates,
        "matmul_rounds": {precision: list(reports) for precision, reports in matmul.items()},
        "rows": rows,
    }


def _check(
    measurement: RowMeasurement,
    first: RowMeasurement,
    reference: Outcome | None,
    places: Places,
    documents: np.ndarray,
) -> Agreement | None:
    if measurement.failure is not None or reference is None:
        return None
    precision = max(measurement.row.precision, first.row.precision, key=_PRECISIONS.index)
    outcome = read_outcome(places.outcome(measurement.row.key))
    return compare(outcome, reference, precision=precision, documents=documents)


def _describe_row(
    measurement: RowMeasurement,
    first: RowMeasurement,
    agreement: Agreement | None,
    tokens: Tokens,
    matmul_rates: Mapping[str, float],
) -> dict[str, Any]:
    row, report = measurement.row, measurement.report
    described: dict[str, Any] = {
        "key": row.key,
        "title": row.title,
        "precision": row.precision,
        "kind": row.kind,
    }
    if measurement.failure is not None:
        return {**described, "status": "not measured", "reason": measurement.failure}
    rate, first_rate = measurement.tokens_per_second, first.tokens_per_second
    padded_tokens = report.get("padded_tokens")
    described |= {
        "status": "measured" if agreement is None or agreement.agrees else "wrong",
        "tokens_per_second": rate,
        "ratio": rate / first_rate if rate and first_rate else None,
        "fill": int(tokens.splits[-1]) / padded_tokens if padded_tokens else None,
        "start_up_seconds": measurement.start_up_seconds,
        "peak_bytes": max(one.peak_bytes for one in measurement.rounds),
        "rounds": [dataclasses.asdict(one) for one in measurement.rounds],
        "agreement": dataclasses.asdict(agreement) if agreement else None,
        "report": report,
    }
    if "flops" in report:
        seconds = statistics.median(one.seconds for one in measurement.rounds)
        flops_per_second = report["flops"] / seconds
        described["flops_per_second"] = flops_per_second
        if row.precision in matmul_rates:
            described["share_of_matmul"] = flops_per_second / matmul_rates[row.precision]
    return described
