"""What Beam's options mean here."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from albert_embed.pipeline.settings.runner import (
    choose_runner,
    count_workers,
    holds_shuffle_in_memory,
    name_runner,
    runs_in_one_thread,
    runs_on_this_machine,
    share_cores,
)
from albert_embed.transforms.process.worker_threads import WorkerThreads


@pytest.mark.parametrize(
    ("arguments", "in_memory"),
    [
        ([], True),
        (["--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"], True),
        (["--runner=PrismRunner"], True),
        (["--runner=FlinkRunner"], False),
        (["--runner=PortableRunner", "--job_endpoint=localhost:8099"], False),
        (["--runner=DataflowRunner"], False),
        (["--runner=dataflow"], False),
        (["--runner=direct"], True),
        (["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"], True),
    ],
)
def test_rows_are_shuffled_only_where_the_runner_can_hold_them(arguments: list[str], in_memory: bool) -> None:
    assert holds_shuffle_in_memory(PipelineOptions(arguments)) is in_memory


@pytest.mark.parametrize(
    ("arguments", "here"),
    [
        ([], True),
        (["--runner=DirectRunner"], True),
        (["--runner=PrismRunner"], True),
        (["--runner=FlinkRunner"], True),
        (["--runner=FlinkRunner", "--flink_master=[local]"], True),
        (["--runner=FlinkRunner", "--flink_master=cluster:8081"], False),
        (["--runner=FlinkRunner", "--flink_master=cluster:8081", "--environment_type=LOOPBACK"], True),
        (["--runner=FlinkRunner", "--environment_type=DOCKER"], False),
        (["--runner=SparkRunner"], True),
        (["--runner=SparkRunner", "--spark_master_url=spark://cluster:7077"], False),
        (["--runner=PortableRunner", "--job_endpoint=localhost:8099"], False),
        (["--runner=PortableRunner", "--job_endpoint=localhost:8099", "--environment_type=loopback"], True),
        (["--runner=DataflowRunner"], False),
        (["--runner=dataflow"], False),
        (["--runner=flink", "--flink_master=cluster:8081"], False),
    ],
)
def test_where_workers_run(arguments: list[str], here: bool) -> None:
    assert runs_on_this_machine(PipelineOptions(arguments)) is here


@pytest.mark.parametrize(
    ("arguments", "workers"),
    [
        ([], 1),
        (["--direct_num_workers=3"], 3),
        (["--direct_num_workers=0"], None),
        (["--runner=FlinkRunner"], None),
        (["--runner=FlinkRunner", "--parallelism=6"], 6),
        (["--runner=DataflowRunner"], None),
        (["--runner=DataflowRunner", "--num_workers=4"], 4),
        (["--runner=DataflowRunner", "--num_workers=4", "--max_num_workers=40"], 40),
        (["--runner=PortableRunner"], None),
        (["--runner=direct", "--direct_num_workers=3"], 3),
        (["--runner=flink", "--parallelism=6"], 6),
    ],
)
def test_how_many_workers_there_are(arguments: list[str], workers: int | None) -> None:
    assert count_workers(PipelineOptions(arguments)) == workers


@pytest.mark.parametrize(
    "given",
    ["DataflowRunner", "dataflowrunner", "Dataflow", "apache_beam.runners.dataflow.dataflow_runner.DataflowRunner"],
)
def test_a_runner_has_one_name(given: str) -> None:
    assert name_runner(PipelineOptions(["--runner", given])) == "dataflowrunner"


@pytest.mark.parametrize("arguments", [[], ["--runner=DirectRunner"], ["--runner=direct"]])
def test_the_direct_runner_is_the_in_process_one(arguments: list[str]) -> None:
    assert isinstance(choose_runner(PipelineOptions(arguments)), FnApiRunner)


@pytest.mark.parametrize(
    ("arguments", "threads"),
    [
        ([], WorkerThreads()),
        (["--direct_num_workers=3"], WorkerThreads()),
        (["--direct_num_workers=3", "--direct_running_mode=multi_processing"], WorkerThreads(processes=3)),
        (["--runner=PrismRunner"], WorkerThreads()),
        (["--runner=DataflowRunner"], WorkerThreads(processes=None)),
        (["--runner=DataflowRunner", "--experiments=no_use_multiple_sdk_containers"], WorkerThreads()),
        (["--runner=FlinkRunner"], WorkerThreads(count_others=True)),
        (["--runner=PortableRunner", "--sdk_worker_parallelism=4"], WorkerThreads(processes=4, count_others=True)),
        (["--runner=PortableRunner", "--sdk_worker_parallelism=0"], WorkerThreads(processes=None, count_others=True)),
    ],
)
def test_processes_that_share_a_machine_share_its_cores(arguments: list[str], threads: WorkerThreads) -> None:
    assert share_cores(PipelineOptions(arguments)) == threads
    assert share_cores(PipelineOptions(arguments), 5) == WorkerThreads(given=5)


@pytest.mark.parametrize(
    ("arguments", "alone"),
    [
        ([], True),
        (["--runner=direct"], True),
        (["--direct_num_workers=3"], False),
        (["--direct_num_workers=0"], False),
        (["--direct_running_mode=multi_threading"], False),
        (["--direct_num_workers=3", "--direct_running_mode=multi_processing"], False),
        (["--runner=PrismRunner"], False),
        (["--runner=FlinkRunner"], False),
        (["--runner=DataflowRunner"], False),
    ],
)
def test_whether_one_thread_does_all_but_the_model(arguments: list[str], alone: bool) -> None:
    assert runs_in_one_thread(PipelineOptions(arguments)) is alone
