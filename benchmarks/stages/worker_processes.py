"""Whether two local worker processes share the cores among them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.corpus import read_lines
from benchmarks.stages.result import Result
from benchmarks.stages.running_threads import RunningThreads
from benchmarks.stages.workshop import Workshop

_WORKERS = 2
_STEP = 10  # every tenth document


def measure(workshop: Workshop, model: Path | None) -> list[Result]:
    """Threads that want a core while both workers work, against the cores there are.

    Args:
      workshop: where to work.
      model: the model to run; None means the tiny one, whose operations hardly use several threads.

    Raises:
      ProcessError: where the run fails.
    """
    documents = read_lines(workshop.corpus)[::_STEP]
    corpora = [workshop.work / f"worker-{number}.txt" for number in range(_WORKERS)]
    for number, corpus in enumerate(corpora):
        corpus.write_text("\n".join(documents[number::_WORKERS]) + "\n", encoding="utf-8")
    options = ("--direct_running_mode", "multi_processing", "--direct_num_workers", str(_WORKERS))
    with RunningThreads() as threads:
        embedded = workshop.embed("workers", workshop.work / "worker-*.txt", *options, model=model)
    cores = len(os.sched_getaffinity(0))
    both = [sum(sample.values()) for sample in threads.samples if sum(map(bool, sample.values())) >= _WORKERS]
    mean = float(np.mean(both)) if both else 0.0
    used = embedded.finished.cpu_seconds / embedded.finished.seconds
    return [
        Result(
            what=f"{_WORKERS} worker processes, {'tiny model' if model is None else model.name}",
            target=f"≤ {cores} threads on {cores} cores",
            measured=f"{mean:.1f} threads want a core on average while {_WORKERS} or more processes work "
            f"({len(both) / max(1, len(threads.samples)):.0%} of the time); {used:.2f} cores used over the whole run",
            # Half a thread for those that hand over to each other, seen as both.
            reached=mean <= cores + 0.5,
            numbers={
                "threads_mean": mean,
                "threads_most": max(both, default=0),
                "samples": len(both),
                "cpu_seconds": embedded.finished.cpu_seconds,
                "seconds": embedded.finished.seconds,
            },
        )
    ]
