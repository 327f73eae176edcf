"""Reads the counters of a finished run."""

from __future__ import annotations

from apache_beam.metrics import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from transforms.metrics import NAMESPACE


def read_counters(result: PipelineResult) -> dict[str, int]:
    """Name → value of this program's counters, committed values where the runner has them, else attempted ones."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    totals: dict[str, int] = {}
    for counter in found:
        value = counter.committed if counter.committed is not None else counter.attempted
        totals[counter.key.metric.name] = totals.get(counter.key.metric.name, 0) + (value or 0)
    return dict(sorted(totals.items()))
