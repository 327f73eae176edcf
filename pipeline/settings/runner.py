"""Chooses the Beam runner, the one asked for or the local one, and says what is known of its workers."""

from __future__ import annotations

import os

from apache_beam.options.pipeline_options import (
    DirectOptions,
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.runners import runner as beam_runner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner


def choose_runner(options: PipelineOptions) -> beam_runner.PipelineRunner | str:
    """Chooses the runner for `options`.

    Beam 2.77's own DirectRunner first tries Prism, which it downloads if it can. So the same command would run on one
    runner online and on another offline. Here `--runner DirectRunner`, and no `--runner`, mean Beam's in-process
    runner, with `--direct_num_workers` and `--direct_running_mode` as in Beam.
    """
    if name_runner(options) == "directrunner":
        return FnApiRunner()
    return str(options.view_as(StandardOptions).runner)


DATAFLOW = "dataflowrunner"
_LOCAL_RUNNERS = frozenset(name.lower() for name in StandardOptions.LOCAL_RUNNERS)


def name_runner(options: PipelineOptions) -> str:
    """Returns one name for each way of naming a runner, such as `dataflowrunner` for `Dataflow`.

    Beam takes a class's name in any case, with its modules, or without "Runner".
    """
    given = options.view_as(StandardOptions).runner or "DirectRunner"
    name = given.rpartition(".")[2].lower()
    return name if name.endswith("runner") else f"{name}runner"


def holds_shuffle_in_memory(options: PipelineOptions) -> bool:
    """Returns whether the runner holds shuffled data in memory, so that only keys and ranges may travel, not rows.

    Beam's local runners keep all of a shuffle in the memory of one process.
    """
    return name_runner(options) in _LOCAL_RUNNERS


def runs_on_this_machine(options: PipelineOptions) -> bool:
    """Returns whether the workers certainly run here, so that they see temporary files of this machine."""
    if holds_shuffle_in_memory(options):
        return True
    environment = options.view_as(PortableOptions).environment_type
    if environment is not None:
        return str(environment).upper() == "LOOPBACK"
    # These two runners start the cluster themselves then, with workers in this process (Beam's `default_environment`).
    name = name_runner(options)
    if name == "flinkrunner":
        return options.view_as(FlinkRunnerOptions).flink_master in ("[local]", "[auto]")
    return name == "sparkrunner" and str(options.view_as(SparkRunnerOptions).spark_master_url).startswith("local")


def count_workers(options: PipelineOptions) -> int | None:
    """Returns how many workers read at the same time, as far as the options say; None where the runner decides."""
    if holds_shuffle_in_memory(options):
        workers: int = options.view_as(DirectOptions).direct_num_workers
        return workers if workers > 0 else os.cpu_count()
    if name_runner(options) == "flinkrunner":
        parallelism = options.view_as(FlinkRunnerOptions).parallelism
        return parallelism if parallelism > 0 else None
    given = options.view_as(WorkerOptions)
    most: int | None = given.max_num_workers or given.num_workers
    return most


def threads_per_worker(options: PipelineOptions) -> int | None:
    """Returns how many threads each worker process may use for one batch; None where it has the machine to itself.

    Local worker processes (`--direct_running_mode multi_processing`) share the cores. TensorFlow reads its share from
    the environment, which the workers inherit, so it is set here too.
    """
    direct = options.view_as(DirectOptions)
    workers = direct.direct_num_workers or os.cpu_count() or 1
    if direct.direct_running_mode != "multi_processing" or workers == 1:
        return None
    threads = max(1, (os.cpu_count() or 1) // workers)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
    return threads
