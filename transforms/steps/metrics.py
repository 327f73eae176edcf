"""The names of the Beam metrics: one namespace, every unit in the name; and the same counts as data of the pipeline.

All are counters. Runners sum them over workers, but may count a bundle that is retried twice, and may be unable to tell
them when the job is over. So each count also goes to a tally of its thread, which is the thread of one bundle. Steps
that end a bundle take it (`take_counts`) and give it on as an element, so it counts once for each bundle that counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from apache_beam.metrics import Metrics

from albert_embed.transforms.process.live_counts import LiveCounts

NAMESPACE = "albert_embed"
# The namespace of Beam's RunInference, which counts the time to load the model, among others.
RUN_INFERENCE_NAMESPACE = "albert_run_inference"

INPUT_BYTES = "input_bytes"  # of the input's files as they are stored, once for each reading
DOCUMENTS = "documents"
FAILURES = "failures"
TRUNCATED = "truncated"
WINDOWS = "windows"  # rows that the model is to embed
ROWS = "rows"
REUSED_ROWS = "reused_rows"  # those that a run that was cut off had finished
TOKENS = "tokens"
PADDED_TOKENS = "padded_tokens"
BATCHES = "batches"
READ_USECS = "read_usecs"
PREPROCESS_USECS = "preprocess_usecs"
MODEL_LOAD_MSECS = "model_load_msecs"
INFERENCE_MSECS = "inference_msecs"
COMPILATIONS = "compilations"  # of the model's program, by engines that compile it for each shape
COMPILATION_MSECS = "compilation_msecs"  # within INFERENCE_MSECS, where no batch was computed meanwhile
WRITE_USECS = "write_usecs"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BundleCounts:
    """What the steps of a bundle have counted.

    Attributes:
      counts: name → value.
      workers: what a worker is (`model.hosting.worker_environment`, as JSON) → how many rows it has embedded.
    """

    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    workers: dict[str, int] = dataclasses.field(default_factory=dict)


class _Tally(threading.local):
    """The counts of the bundle that this thread processes."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.workers: Counter[str] = Counter()


_tally = _Tally()
# What `pipeline.progress` shows while a run goes on.
live_counts = LiveCounts((INPUT_BYTES, DOCUMENTS, WINDOWS, ROWS, TOKENS, PADDED_TOKENS, FAILURES))


def increment(name: str, by: int = 1) -> None:
    """Adds `by` to the counter `name` of this pipeline."""
    Metrics.counter(NAMESPACE, name).inc(by)
    _tally.counts[name] += by
    live_counts.add(name, by)


def count_worker(environment: str, rows: int) -> None:
    """Notes that a worker that is `environment` has embedded this many rows."""
    _tally.workers[environment] += rows


def forget_counts() -> None:
    """Forgets the counts of this thread's bundle: it begins, and one before it may have failed."""
    _tally.counts.clear()
    _tally.workers.clear()


def take_counts() -> BundleCounts | None:
    """Returns what this thread's bundle has counted since they were taken last; None where that is nothing."""
    taken = BundleCounts(counts=dict(_tally.counts), workers=dict(_tally.workers))
    forget_counts()
    return taken if taken.counts or taken.workers else None


def add_counts(parts: Iterable[BundleCounts]) -> BundleCounts:
    """Returns the sum over all parts; counts by name, workers with those first that have embedded most rows."""
    counts: Counter[str] = Counter()
    workers: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts)
        workers.update(part.workers)
    return BundleCounts(counts=dict(sorted(counts.items())), workers=dict(workers.most_common()))


@contextlib.contextmanager
def count_usecs(name: str) -> Iterator[None]:
    """Adds the microseconds that the `with` block takes to the counter `name`."""
    started = time.perf_counter()
    yield
    increment(name, round(1e6 * (time.perf_counter() - started)))
