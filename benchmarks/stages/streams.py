"""Whether several batches at once are faster than one at a time on this machine, which is what `--streams` chooses."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.corpus import read_lines
from benchmarks.process import Finished
from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

_ENGINES = ("tensorflow", "openvino")
_STEP = 10  # every tenth document
_ROUNDS = 3


def measure(workshop: Workshop, model: Path | None) -> list[Result]:
    """Measures `embed`, as a whole command, with 1, 2, 4, … batches at once, up to one for each core, by turns.

    Args:
      workshop: where to work.
      model: the model to run; None means the tiny one, beside which the host's own work is most.

    Raises:
      ProcessError: if a run fails.
    """
    corpus = workshop.work / "streams.txt"
    corpus.write_text("\n".join(read_lines(workshop.corpus)[::_STEP]) + "\n", encoding="utf-8")
    cores = len(os.sched_getaffinity(0))
    counts = [2**power for power in range(cores.bit_length())]
    results = []
    for engine in _ENGINES:
        runs: dict[int, list[Finished]] = {streams: [] for streams in counts}
        for _ in range(_ROUNDS):
            for streams, finished in runs.items():
                options = ("--engine", engine, "--streams", str(streams))
                finished.append(workshop.embed("streams", corpus, *options, model=model).finished)
        results += [_judge(engine, streams, finished) for streams, finished in runs.items()]
    return results


def _judge(engine: str, streams: int, runs: list[Finished]) -> Result:
    seconds, cpu_seconds = min(run.seconds for run in runs), min(run.cpu_seconds for run in runs)
    peak_bytes = max(run.peak_bytes for run in runs)
    return Result(
        what=f"embed with {engine}, {streams} {'batches' if streams > 1 else 'batch'} at once",
        target="",
        measured=f"{seconds:.1f} s, {cpu_seconds:.1f} s of processors, {peak_bytes / 1e9:.2f} GB",
        reached=None,
        numbers={"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak_bytes},
    )
