"""The names of the Beam metrics: one namespace, every unit in the name.

All are counters. Runners sum them over workers; a bundle that is retried may be counted twice where a runner reports
attempted values only.
"""

from __future__ import annotations

from apache_beam.metrics import Metrics

NAMESPACE = "albert_embed"

DOCUMENTS = "documents"
FAILURES = "failures"
TRUNCATED = "truncated"
ROWS = "rows"
TOKENS = "tokens"
PADDED_TOKENS = "padded_tokens"
BATCHES = "batches"
INFERENCE_MSECS = "inference_msecs"
MODEL_LOAD_MSECS = "model_load_msecs"


def increment(name: str, by: int = 1) -> None:
    """Adds `by` to the counter `name` of this pipeline."""
    Metrics.counter(NAMESPACE, name).inc(by)
