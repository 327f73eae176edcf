"""Chooses the Beam runner: the one asked for, else the local one that behaves the same online and offline."""

from __future__ import annotations

import os

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners import runner as beam_runner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner


def choose_runner(options: PipelineOptions) -> beam_runner.PipelineRunner | str:
    """Chooses the runner for `options`.

    Beam 2.77's own DirectRunner first tries Prism, which it downloads if it can. So the same command would run on one
    runner online and on another offline. Here `--runner DirectRunner`, and no `--runner`, mean Beam's in-process
    runner, with `--direct_num_workers` and `--direct_running_mode` as in Beam.
    """
    name = options.view_as(StandardOptions).runner
    if name in (None, "DirectRunner"):
        return FnApiRunner()
    return str(name)


# Beam's local runners keep all of a shuffle in the memory of one process.
_RUNNERS_IN_MEMORY = frozenset((None, "DirectRunner", "FnApiRunner", "SwitchingDirectRunner", "PrismRunner"))


def holds_shuffle_in_memory(options: PipelineOptions) -> bool:
    """Returns whether the runner holds shuffled data in memory, so that only keys and ranges may travel, not rows."""
    return options.view_as(StandardOptions).runner in _RUNNERS_IN_MEMORY


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
