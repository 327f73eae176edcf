"""Sequence output: what comes after the model, on one core."""

from __future__ import annotations

from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

_MEGABYTES_PER_SECOND = {"float_list": 150.0, "float16_bytes": 400.0}


def measure(workshop: Workshop) -> list[Result]:
    """MB of float32 embeddings per second of processor time, from the model's output to the closed file.

    Raises:
      ProcessError: where the program fails.
    """
    results = []
    for encoding, target in _MEGABYTES_PER_SECOND.items():
        report = workshop.run_program("write_sequence", "--encoding", encoding).report
        megabytes = report["megabytes"]
        rate, wall_rate = megabytes / report["pipeline_cpu_seconds"], megabytes / report["pipeline_wall_seconds"]
        attached, encoded = megabytes / report["attach_cpu_seconds"], megabytes / report["encode_cpu_seconds"]
        results.append(
            Result(
                what=f"sequence output written, one core, {encoding}",
                target=f"≥ {target:.0f} MB/s",
                measured=f"{rate:.0f} MB/s (by the wall clock {wall_rate:.0f}); "
                f"attaching alone {attached:.0f}, encoding alone {encoded:.0f}",
                reached=rate >= target,
                numbers=dict(report),
            )
        )
    return results
