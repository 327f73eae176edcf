"""What a run has counted: on this machine, or as the runner tells it."""

from __future__ import annotations

from typing import Any
from unittest import mock

import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.portable_runner import PipelineResult
from apache_beam.runners.runner import PipelineState

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


def test_a_portable_runner_is_left_alone() -> None:
    """Beam keeps its first answer for good."""
    result = mock.create_autospec(PipelineResult, instance=True)
    counts = RunCounts("")
    counts.note_result(result)
    assert counts.read() == {} and result.method_calls == []


def test_counters_of_a_finished_run() -> None:
    assert read_counters(run_counting_pipeline()) == {"documents": 5}
