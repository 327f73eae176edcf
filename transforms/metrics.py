"""The names of the Beam metrics: one namespace, every unit in the name.

All are counters. Runners sum them over workers. Where a runner reports attempted values only, a bundle that is retried
may be counted twice.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from apache_beam.metrics import Metrics

NAMESPACE = "albert_embed"
# The namespace of Beam's RunInference, which counts the time to load the model, among others.
RUN_INFERENCE_NAMESPACE = "albert_run_inference"

DOCUMENTS = "documents"
SELECTED_DOCUMENTS = "selected_documents"
FAILURES = "failures"
TRUNCATED = "truncated"
ROWS = "rows"
REUSED_ROWS = "reused_rows"  # those that a run that was cut off had finished
TOKENS = "tokens"
PADDED_TOKENS = "padded_tokens"
BATCHES = "batches"
READ_USECS = "read_usecs"
PREPROCESS_USECS = "preprocess_usecs"
MODEL_LOAD_MSECS = "model_load_msecs"
INFERENCE_MSECS = "inference_msecs"
WRITE_USECS = "write_usecs"


def increment(name: str, by: int = 1) -> None:
    """Adds `by` to the counter `name` of this pipeline."""
    Metrics.counter(NAMESPACE, name).inc(by)


@contextlib.contextmanager
def count_usecs(name: str) -> Iterator[None]:
    """Adds the microseconds that the `with` block takes to the counter `name`."""
    started = time.perf_counter()
    yield
    increment(name, round(1e6 * (time.perf_counter() - started)))
