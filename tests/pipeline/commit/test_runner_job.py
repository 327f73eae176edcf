"""Which jobs outlive the program, however `--runner` is spelled."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.runner_job import RunnerJob, find_job, find_runner

CLASS = "apache_beam.runners.dataflow.dataflow_runner.DataflowRunner"
CLUSTER = ["--flink_master", "127.0.0.1:8081"]


@pytest.mark.parametrize("name", ["DataflowRunner", "dataflowrunner", "Dataflow", "dataflow", CLASS])
def test_a_job_of_dataflow_is_found_by_every_name_of_the_runner(name: str) -> None:
    options = PipelineOptions(["--runner", name])
    result = SimpleNamespace(has_job=True, job_id=lambda: "job-7")
    assert find_job(options, result) == RunnerJob(runner="DataflowRunner", job_id="job-7")
    assert find_job(options, SimpleNamespace(has_job=False)) is None  # a template


@pytest.mark.parametrize("name", ["FlinkRunner", "flink"])
def test_a_job_of_a_cluster_is_found(name: str) -> None:
    options = PipelineOptions(["--runner", name, *CLUSTER])
    assert find_job(options, SimpleNamespace(_job_id="job-1")) == RunnerJob(runner="FlinkRunner", job_id="job-1")


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--runner", "PrismRunner"],
        ["--runner", "FlinkRunner"],  # starts a cluster in this program
        ["--runner", "FlinkRunner", *CLUSTER, "--environment_type", "LOOPBACK"],
    ],
    ids=["in-process", "prism", "local flink", "loopback"],
)
def test_a_job_whose_workers_end_with_the_program_is_none(flags: list[str]) -> None:
    options = PipelineOptions(flags)
    assert find_runner(options) is None and find_job(options, SimpleNamespace(_job_id="job-1")) is None


def test_a_runner_of_somebody_else_may_have_jobs_that_go_on() -> None:
    options = PipelineOptions(["--runner", "somebody.elses.Runner"])
    assert find_runner(options) == "somebody.elses.Runner" and find_job(options, SimpleNamespace()) is None
