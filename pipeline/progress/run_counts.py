"""`RunCounts`: what a run has counted so far, as far as this program can see it."""

from __future__ import annotations

import logging
import time
from typing import Any

from apache_beam.metrics import MetricsFilter
from apache_beam.metrics.metric import MetricResults
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability import portable_runner
from apache_beam.runners.runner import PipelineState

from albert_embed.transforms.steps import metrics

logger = logging.getLogger(__name__)

_ASK_SECONDS = 10.0  # each time is a request to the service
_ANSWER_SECONDS = 5.0  # one that stands still must not keep the program from ending


class RunCounts:
    """Reads the counts of the processes of this machine, or, where none counts here, asks the runner.

    Args:
      folder: of `transforms.process.live_counts`.

    Attributes:
      job_state: what the runner said last of its job, such as `running`; empty where it was not asked.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._result: Any = None
        self._asked = 0.0
        self._told: dict[str, int] = {}
        self.job_state = ""

    def note_result(self, result: Any) -> None:
        """Notes Beam's result of the pipeline, which knows the runner."""
        self._result = result

    def read(self) -> dict[str, int]:
        """Returns name → count; nothing where nobody knows."""
        counts = metrics.live_counts.read(self._folder)
        if counts or self._result is None:
            return counts
        now = time.monotonic()
        if not self._asked or now - self._asked >= _ASK_SECONDS:
            self._asked = now
            self._ask()
        return self._told

    def _ask(self) -> None:
        """Asks the runner. What it said before stands where it does not answer, or the run is over."""
        try:
            state = _ask_state(self._result)
            self.job_state = state.lower()
            if not PipelineState.is_terminal(state):
                self._told = _sum_counters(_ask_metrics(self._result)) or self._told
        except Exception as e:  # the clients raise many kinds, and the run goes on
            logger.debug("the runner does not say how far it is: %s", e)


def _ask_state(result: Any) -> str:
    if not isinstance(result, portable_runner.PipelineResult):
        return str(result.state)
    request = beam_job_api_pb2.GetJobStateRequest(job_id=result._job_id)
    event = result._job_service.GetState(request, timeout=_ANSWER_SECONDS)
    return str(portable_runner.PipelineResult.runner_api_state_to_pipeline_state(event.state))


def _ask_metrics(result: Any) -> MetricResults:
    """Returns the metrics of now; a portable runner's result would give those that it was told first, for good."""
    if not isinstance(result, portable_runner.PipelineResult):
        metrics_of_now: MetricResults = result.metrics()
        return metrics_of_now
    request = beam_job_api_pb2.GetJobMetricsRequest(job_id=result._job_id)
    return portable_runner.PortableMetrics(result._job_service.GetJobMetrics(request, timeout=_ANSWER_SECONDS))


def read_counters(result: Any) -> dict[str, int]:
    """Returns name → value of this program's counters and `model_load_msecs`, of a run that has ended."""
    return _sum_counters(result.metrics())


def _sum_counters(told: MetricResults) -> dict[str, int]:
    """Returns the values summed over workers: committed ones where the runner has them, else attempted ones."""
    found = told.query(MetricsFilter().with_namespace(metrics.NAMESPACE))["counters"]
    totals: dict[str, int] = {}
    for counter in found:
        value = counter.committed if counter.committed is not None else counter.attempted
        totals[counter.key.metric.name] = totals.get(counter.key.metric.name, 0) + (value or 0)
    loads = MetricsFilter().with_namespace(metrics.RUN_INFERENCE_NAMESPACE).with_name("load_model_latency_milli_secs")
    for load in told.query(loads)["distributions"]:
        value = load.committed if load.committed is not None else load.attempted
        totals[metrics.MODEL_LOAD_MSECS] = totals.get(metrics.MODEL_LOAD_MSECS, 0) + (value.sum or 0)
    return dict(sorted(totals.items()))
