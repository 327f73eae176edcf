"""Start-up: `--help`, and a corpus of one line from the start of the process to its end."""

from __future__ import annotations

from pathlib import Path

from benchmarks.corpus import read_lines
from benchmarks.process import Finished
from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

_HELP_SECONDS = 1.0
_FIRST_BATCH_SECONDS = 4.0
_ROUNDS = 4  # the first one fills the caches


def measure(workshop: Workshop, model: Path | None) -> list[Result]:
    """Measures seconds, each the least of a few runs, and that run's processor time, which a busy machine changes less.

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
    helped = [workshop.run_python("-m", "albert_embed", "--help", log="help") for _ in range(_ROUNDS)]
    results = [_judge("start-up: --help", helped, _HELP_SECONDS)]
    for name, path in (("tiny model", None), *([] if model is None else [(model.name, model)])):
        runs = [workshop.embed("start-up", one, model=path).finished for _ in range(_ROUNDS)]
        results.append(_judge(f"start-up: one line embedded and published, {name}", runs, _FIRST_BATCH_SECONDS))
    return results


def _judge(what: str, runs: list[Finished], target: float) -> Result:
    least = min(runs, key=lambda run: run.seconds)
    return Result(
        what=what,
        target=f"≤ {target:.0f} s",
        measured=f"{least.seconds:.2f} s ({least.cpu_seconds:.2f} s of processor time)",
        reached=least.seconds <= target,
        numbers={"seconds": [run.seconds for run in runs], "cpu_seconds": [run.cpu_seconds for run in runs]},
    )
