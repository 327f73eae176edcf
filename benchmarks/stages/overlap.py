"""How much the host's own work adds to a device's time, with one thread, with two, and with batches begun ahead."""

from __future__ import annotations

import shutil

from benchmarks.corpus import read_lines
from benchmarks.stages.programs.overlap import WAYS
from benchmarks.stages.result import Result
from benchmarks.stages.workshop import TINY_HIDDEN_SIZE, Workshop

_TIMES = 32  # as many copies of the corpus: several buffers of rows (`transforms.rows.token_batches`)
_FILES = 4
_RATES = (0.3e6, 2e6)  # tokens per second: an L4, an H100 (NOTES.md)


def measure(workshop: Workshop) -> list[Result]:
    """Measures, by the wall clock, `pooled` with an engine that waits as long as a GPU computes.

    Raises:
      ProcessError: if the program fails.
    """
    documents = read_lines(workshop.corpus)
    for number in range(_FILES):
        with (workshop.work / f"overlap-{number}.txt").open("w", encoding="utf-8") as file:
            file.writelines(
                f"{document} copy {copy}\n" for copy in range(number, _TIMES, _FILES) for document in documents
            )
    return [_measure(workshop, rate, way) for rate in _RATES for way in WAYS]


def _measure(workshop: Workshop, rate: float, way: str) -> Result:
    output = workshop.work / "overlap"
    try:
        report = workshop.run_program(
            "overlap",
            *("--model", str(workshop.tiny_model)),
            *("--corpus", str(workshop.work / "overlap-*.txt")),
            *("--output", str(output)),
            *("--hidden-size", str(TINY_HIDDEN_SIZE)),
            *("--tokens-per-second", str(rate)),
            *("--way", way),
        ).report
    finally:
        shutil.rmtree(output, ignore_errors=True)
    return Result(
        what=f"pooled, a device of {rate / 1e6} M tokens/s, {way}",
        target="",
        measured=f"{report['seconds']:.1f} s, {report['device_seconds']:.1f} s of it the device's",
        reached=None,
        numbers=dict(report),
    )
