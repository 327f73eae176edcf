"""Reads the counters of a finished run."""

from __future__ import annotations

from apache_beam.metrics import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from albert_embed.transforms.metrics import NAMESPACE, RUN_INFERENCE_NAMESPACE


def read_counters(result: PipelineResult) -> dict[str, int]:
    """Returns name → value of this program's counters and `model_load_msecs`, summed over workers.

    They are committed values where the runner has them, else attempted ones.
    """
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    totals: dict[str, int] = {}
    for counter in found:
        value = counter.committed if counter.committed is not None else counter.attempted
        totals[counter.key.metric.name] = totals.get(counter.key.metric.name, 0) + (value or 0)
    loads = MetricsFilter().with_namespace(RUN_INFERENCE_NAMESPACE).with_name("load_model_latency_milli_secs")
    for load in result.metrics().query(loads)["distributions"]:
        value = load.committed if load.committed is not None else load.attempted
        totals["model_load_msecs"] = totals.get("model_load_msecs", 0) + (value.sum or 0)
    return dict(sorted(totals.items()))
