"""Whether two local worker processes share the cores between them."""

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
    """Measures how many threads of a working worker want a core, against its share of the cores.

    Args:
      workshop: where to work.
      model: the model to run; None means the tiny one, whose operations hardly use several threads.

    Raises:
      ProcessError: if the run fails.
    """
    documents = read_lines(workshop.corpus)[::_STEP]
    corpora = [workshop.work / f"worker-{number}.txt" for number in range(_WORKERS)]
    for number, corpus in enumerate(corpora):
        corpus.write_text("\n".join(documents[number::_WORKERS]) + "\n", encoding="utf-8")
    options = ("--direct_running_mode", "multi_processing", "--direct_num_workers", str(_WORKERS))
    with RunningThreads() as threads:
        workshop.embed("workers", workshop.work / "worker-*.txt", *options, model=model)
    share = max(1, len(os.sched_getaffinity(0)) // _WORKERS)
    busy = [count for sample in threads.samples for count in sample.values() if count]
    together = sum(sum(map(bool, sample.values())) >= _WORKERS for sample in threads.samples)
    mean = float(np.mean(busy)) if busy else 0.0
    return [
        Result(
            what=f"{_WORKERS} worker processes, {'tiny model' if model is None else model.name}",
            target=f"≤ {share} thread(s) each",
            measured=f"a working worker has {mean:.2f} threads that want a core; both work at the same time in "
            f"{together} of {len(threads.samples)} samples",
            # A quarter more, for threads that are sampled while one hands over to another.
            reached=bool(busy) and mean <= share + 0.25,
            numbers={
                "threads_mean": mean,
                "threads_most": max(busy, default=0),
                "looks": len(threads.samples),
                "both": together,
            },
        )
    ]
