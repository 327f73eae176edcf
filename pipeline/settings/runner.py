"""Chooses the Beam runner, the one asked for or the local one, and says what is known of its workers."""

from __future__ import annotations

from apache_beam.options.pipeline_options import (
    DebugOptions,
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

from albert_embed.pipeline.settings.choices import describe_choices
from albert_embed.pipeline.settings.prism import PrismRunner
from albert_embed.transforms.process.worker_threads import WorkerThreads

DATAFLOW = "dataflowrunner"
_PRISM = "prismrunner"
_LOCAL_RUNNERS = frozenset(name.lower() for name in StandardOptions.LOCAL_RUNNERS)
# Experiments of Dataflow: how many processes a worker has.
ONE_PROCESS = "no_use_multiple_sdk_containers"
MANY_PROCESSES = "use_multiple_sdk_containers"


def choose_runner(options: PipelineOptions) -> beam_runner.PipelineRunner | str:
    """Chooses the runner for `options`.

    Beam 2.77's own DirectRunner first tries Prism, which it downloads if it can. So the same command would run on one
    runner online and on another offline. Here `--runner DirectRunner`, and no `--runner`, mean Beam's in-process
    runner, with `--direct_num_workers` and `--direct_running_mode` as in Beam.
    """
    name = name_runner(options)
    if name == "directrunner":
        return FnApiRunner()
    if name == _PRISM:
        return PrismRunner()  # type: ignore[no-untyped-call]  # Beam's __init__
    return str(options.view_as(StandardOptions).runner)


def name_runner(options: PipelineOptions) -> str:
    """Returns one name for each way of naming a runner, such as `dataflowrunner` for `Dataflow`.

    Beam takes a class's name in any case, with its modules, or without "Runner".
    """
    given = options.view_as(StandardOptions).runner or "DirectRunner"
    name = given.rpartition(".")[2].lower()
    return name if name.endswith("runner") else f"{name}runner"


def check_runner(options: PipelineOptions) -> None:
    """Refuses a runner that Beam does not know; a class with its modules may be anybody's.

    Raises:
      ValueError: if there is none of this name.
    """
    given = options.view_as(StandardOptions).runner
    known = StandardOptions.KNOWN_RUNNER_NAMES
    if given and "." not in given and name_runner(options) not in [name.lower() for name in known]:
        raise ValueError(f"--runner is {given!r}: {describe_choices(given, known)}")


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


def runs_in_one_thread(options: PipelineOptions) -> bool:
    """Returns whether one thread of one process on this machine does all that is not the model's."""
    direct = options.view_as(DirectOptions)
    return (
        name_runner(options) == "directrunner"
        and direct.direct_running_mode == "in_memory"
        and direct.direct_num_workers == 1
    )


def count_workers(options: PipelineOptions) -> int | None:
    """Returns how many workers read at the same time, as far as the options say; None where they don't.

    The same options give the same number on every machine.
    """
    if holds_shuffle_in_memory(options):
        workers: int = options.view_as(DirectOptions).direct_num_workers
        return workers if workers > 0 else None
    if name_runner(options) == "flinkrunner":
        parallelism = options.view_as(FlinkRunnerOptions).parallelism
        return parallelism if parallelism > 0 else None
    given = options.view_as(WorkerOptions)
    most: int | None = given.max_num_workers or given.num_workers
    return most


def share_cores(options: PipelineOptions, given: int | None = None) -> WorkerThreads:
    """Returns how many threads each worker process may use.

    Args:
      options: say how many processes share a machine.
      given: `--worker-threads`.
    """
    if given is not None:
        return WorkerThreads(given=given)
    if holds_shuffle_in_memory(options):
        mode = options.view_as(DirectOptions).direct_running_mode
        several = name_runner(options) != _PRISM and mode == "multi_processing"
        return WorkerThreads(processes=count_workers(options) if several else 1)
    if name_runner(options) == DATAFLOW:
        # Dataflow starts a process for each core, in a container of its own, unless it is told not to.
        experiments = options.view_as(DebugOptions).experiments or []
        return WorkerThreads(processes=1 if ONE_PROCESS in experiments else None)
    processes = int(options.view_as(PortableOptions).sdk_worker_parallelism)
    return WorkerThreads(processes=processes or None, count_others=True)
