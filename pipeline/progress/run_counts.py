"""`RunCounts`: what a run has counted so far, as far as this program can see it."""

from __future__ import annotations

import logging
import time
from typing import Any

from apache_beam.metrics import MetricsFilter
from apache_beam.runners.portability import portable_runner
from apache_beam.runners.runner import PipelineState

from albert_embed.transforms.steps import metrics

logger = logging.getLogger(__name__)

_ASK_SECONDS = 10.0  # each time is a request to the service


class RunCounts:
    """Reads the counts of the processes of this machine, or, where none counts here, asks the runner.

    Args:
      folder: of `transforms.process.live_counts`.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._result: Any = None
        self._asked = 0.0
        self._told: dict[str, int] = {}

    def note_result(self, result: Any) -> None:
        """Notes Beam's result of the pipeline, which knows the runner.

        Portable runners are not asked: Beam keeps their first answer, and theirs before the end is empty.
        """
        if not isinstance(result, portable_runner.PipelineResult):
            self._result = result

    def read(self) -> dict[str, int]:
        """Returns name → count; nothing where nobody knows."""
        counts = metrics.live_counts.read(self._folder)
        if counts or self._result is None:
            return counts
        now = time.monotonic()
        if not self._asked or now - self._asked >= _ASK_SECONDS:
            self._asked = now
            self._told = _ask(self._result) or self._told
        return self._told


def _ask(result: Any) -> dict[str, int]:
    """Returns what the runner says; nothing where it does not answer, or the run is over."""
    try:
        return {} if PipelineState.is_terminal(result.state) else read_counters(result)
    except Exception as e:  # the clients raise many kinds, and the run goes on
        logger.debug("the runner does not say how far it is: %s", e)
        return {}


def read_counters(result: Any) -> dict[str, int]:
    """Returns name → value of this program's counters and `model_load_msecs`, summed over workers.

    They are committed values where the runner has them, else attempted ones.
    """
    told = result.metrics()
    found = told.query(MetricsFilter().with_namespace(metrics.NAMESPACE))["counters"]
    totals: dict[str, int] = {}
    for counter in found:
        value = counter.committed if counter.committed is not None else counter.attempted
        totals[counter.key.metric.name] = totals.get(counter.key.metric.name, 0) + (value or 0)
    loads = MetricsFilter().with_namespace(metrics.RUN_INFERENCE_NAMESPACE).with_name("load_model_latency_milli_secs")
    for load in told.query(loads)["distributions"]:
        value = load.committed if load.committed is not None else load.attempted
        totals["model_load_msecs"] = totals.get("model_load_msecs", 0) + (value.sum or 0)
    return dict(sorted(totals.items()))
