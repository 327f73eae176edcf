"""What a run has counted: on this machine, or as the runner tells it."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import pytest
from apache_beam.metrics import monitoring_infos
from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.portable_runner import PipelineResult
from apache_beam.runners.runner import PipelineState

from albert_embed.pipeline.progress import run_counts
from albert_embed.pipeline.progress.run_counts import RunCounts, read_counters
from albert_embed.transforms.process.live_counts import share_counts
from albert_embed.transforms.steps import metrics


class RemoteResult:
    """What a runner elsewhere gives: metrics while the job runs."""

    def __init__(self, metrics_of: Any) -> None:
        self._metrics = metrics_of
        self.state = PipelineState.RUNNING
        self.asked = 0

    def metrics(self) -> Any:
        self.asked += 1
        if self._metrics is None:
            raise ConnectionError("no answer")
        return self._metrics


def count_element(number: int) -> int:
    metrics.increment(metrics.DOCUMENTS, number)
    return number


def run_counting_pipeline() -> Any:
    pipeline = beam.Pipeline(runner=FnApiRunner())
    _ = pipeline | beam.Create([2, 3]) | beam.Map(count_element)
    result = pipeline.run()
    result.wait_until_finish()
    return result


def test_counts_of_this_machine_come_first() -> None:
    remote = RemoteResult(run_counting_pipeline().metrics())
    with share_counts() as folder:
        counts = RunCounts(folder)
        assert counts.read() == {}
        counts.note_result(remote)
        assert counts.read()["documents"] == 5
        metrics.increment(metrics.DOCUMENTS, 7)
        assert counts.read()["documents"] == 7


def test_the_runner_is_not_asked_each_time() -> None:
    remote = RemoteResult(run_counting_pipeline().metrics())
    counts = RunCounts("")
    counts.note_result(remote)
    assert [counts.read() for _ in range(3)] == [{"documents": 5}] * 3
    assert remote.asked == 1


def test_a_runner_that_does_not_answer_and_one_that_has_ended() -> None:
    silent = RemoteResult(None)
    counts = RunCounts("")
    counts.note_result(silent)
    assert counts.read() == {} and silent.asked == 1
    ended = RemoteResult(run_counting_pipeline().metrics())
    ended.state = PipelineState.DONE
    counts = RunCounts("")
    counts.note_result(ended)
    assert counts.read() == {} and ended.asked == 0


class JobService:
    """A job service whose job runs and counts on, or counts nothing until its end, as that of Flink."""

    def __init__(self, *, counts: bool) -> None:
        self._counts = counts
        self._documents = 0

    def GetState(self, request: Any, *, timeout: float) -> Any:
        assert (request.job_id, timeout) == ("job-7", 5.0)
        return beam_job_api_pb2.JobStateEvent(state=beam_job_api_pb2.JobState.RUNNING)

    def GetJobMetrics(self, request: Any, *, timeout: float) -> Any:
        assert (request.job_id, timeout) == ("job-7", 5.0)
        self._documents += 5
        name = monitoring_infos.int64_user_counter(metrics.NAMESPACE, metrics.DOCUMENTS, self._documents, "step")
        told = beam_job_api_pb2.MetricResults(attempted=[name] if self._counts else [])
        return beam_job_api_pb2.GetJobMetricsResponse(metrics=told)


@pytest.mark.parametrize("counts", [True, False])
def test_a_portable_runner_is_asked_again_and_again(monkeypatch: pytest.MonkeyPatch, counts: bool) -> None:
    """Its result alone would give its first answer for good."""
    monkeypatch.setattr(run_counts, "_ASK_SECONDS", 0.0)
    result = PipelineResult(JobService(counts=counts), "job-7", iter(()), iter(()))
    found = RunCounts("")
    found.note_result(result)
    expected: list[dict[str, int]] = [{"documents": 5}, {"documents": 10}, {"documents": 15}] if counts else [{}] * 3
    assert [found.read() for _ in range(3)] == expected
    assert found.job_state == "running"


def test_a_portable_runner_that_does_not_answer() -> None:
    result = PipelineResult(None, "job-7", iter(()), iter(()))
    found = RunCounts("")
    found.note_result(result)
    assert (found.read(), found.job_state) == ({}, "")


def test_counters_of_a_finished_run() -> None:
    assert read_counters(run_counting_pipeline()) == {"documents": 5}
