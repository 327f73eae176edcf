"""Preprocessing alone: text to ids, on one core."""

from __future__ import annotations

from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

WHAT = "preprocessing alone, one core"
TARGET = "≥ 2.0 M tokens/s"
_TOKENS_PER_SECOND = 2.0e6


def measure(workshop: Workshop) -> list[Result]:
    """Measures tokens of the texts, before truncation, per second of processor time.

    Raises:
      ProcessError: if the program fails.
    """
    files = ("--corpus", str(workshop.corpus), "--vocabulary", str(workshop.vocabulary))
    report = workshop.run_program("preprocess", *files).report
    cpu, wall = report["totals"]["cpu_seconds"], report["totals"]["wall_seconds"]
    rate = report["content_tokens"] / cpu
    measured = (
        f"{rate / 1e6:.2f} M tokens/s of the texts before truncation (by the wall clock "
        f"{report['content_tokens'] / wall / 1e6:.2f} M); {report['kept_tokens'] / cpu / 1e6:.2f} M/s as ids with "
        "[CLS] and [SEP] after it"
    )
    return [
        Result(what=WHAT, target=TARGET, measured=measured, reached=rate >= _TOKENS_PER_SECOND, numbers=dict(report))
    ]
