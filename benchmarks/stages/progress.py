"""What it costs to show progress: less than a hundredth of the fastest run."""

from __future__ import annotations

from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

_BATCH_TOKENS = 16_384
_FASTEST = 2.3e6  # tokens per second, of an H200 with the engine `jax`; slower runs have fewer batches
_MAX_SHARE = 0.01


def measure(workshop: Workshop) -> list[Result]:
    """Measures the share of one core that counting and drawing take at the fastest rate.

    Raises:
      ProcessError: if the program fails.
    """
    report = workshop.run_program("watch_progress").report
    batches = _FASTEST / _BATCH_TOKENS
    share = report["batch_cpu_seconds"] * batches + report["drawing_cpu_seconds"]
    return [
        Result(
            what="progress on a terminal, at 2.3 M tokens/s",
            target=f"≤ {_MAX_SHARE:.0%} of a core",
            measured=f"{share:.2%} ({1e6 * report['batch_cpu_seconds']:.1f} µs a batch, "
            f"{1e3 * report['drawing_cpu_seconds']:.1f} ms a second for the bar)",
            reached=share <= _MAX_SHARE,
            numbers=dict(report),
        )
    ]
