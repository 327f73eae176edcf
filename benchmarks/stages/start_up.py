"""Start-up: `--help`, and a corpus of one line from the start of the process to its end."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.corpus import read_lines
from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

_HELP_SECONDS = 1.0
_FIRST_BATCH_SECONDS = 20.0
_ROUNDS = 3


def measure(workshop: Workshop, model: Path | None) -> list[Result]:
    """Measures seconds, each the median of three runs.

    The time to the first batch is that of a whole run over one line, publishing included: an upper bound, and what the
    side-by-side benchmark subtracts as start-up.

    Args:
      workshop: where to work.
      model: another model to measure, besides the tiny one.

    Raises:
      ProcessError: if a run fails.
    """
    one = workshop.work / "one.txt"
    one.write_text(read_lines(workshop.corpus)[0] + "\n", encoding="utf-8")
    helped = [workshop.run_python("-m", "albert_embed", "--help", log="help").seconds for _ in range(_ROUNDS)]
    results = [_judge("start-up: --help", helped, _HELP_SECONDS)]
    for name, path in (("tiny model", None), *([] if model is None else [(model.name, model)])):
        seconds = [workshop.embed("start-up", one, model=path).finished.seconds for _ in range(_ROUNDS)]
        results.append(_judge(f"start-up: one line embedded and published, {name}", seconds, _FIRST_BATCH_SECONDS))
    return results


def _judge(what: str, seconds: list[float], target: float) -> Result:
    median = statistics.median(seconds)
    return Result(
        what=what,
        target=f"≤ {target:.0f} s",
        measured=f"{median:.2f} s",
        reached=median <= target,
        numbers={"seconds": seconds},
    )
