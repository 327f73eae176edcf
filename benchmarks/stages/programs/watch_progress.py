"""What progress costs: the counts that every process keeps, for each batch, and the drawing, for each second."""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

from albert_embed.pipeline.progress.bar_display import BarDisplay
from albert_embed.pipeline.progress.run_counts import RunCounts
from albert_embed.pipeline.progress.run_status import RunStatus, RunWork
from albert_embed.transforms.process.live_counts import share_counts
from albert_embed.transforms.steps import metrics
from benchmarks.outcome import print_report

# What is counted for one batch: as it is read, preprocessed, cut and embedded.
_COUNTED = (
    metrics.INPUT_BYTES,
    metrics.DOCUMENTS,
    metrics.WINDOWS,
    metrics.PADDED_TOKENS,
    metrics.ROWS,
    metrics.TOKENS,
)


def measure_cpu(work: Callable[[], object], times: int, rounds: int) -> float:
    """Returns the least processor time of one call of `work`, in seconds."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - started) / times)
    return best


def count_batch() -> None:
    """Counts a batch as the steps of a run do."""
    for name in _COUNTED:
        metrics.live_counts.add(name, 100)


def measure_drawing(folder: str, seconds: float) -> float:
    """Returns the processor time that a bar takes in a second."""
    status, counts = RunStatus(RunWork(title="embedding", bytes=1 << 40)), RunCounts(folder)
    with BarDisplay(io.StringIO()).show(lambda: status.read(counts.read())):
        time.sleep(0.5)  # the first drawing imports
        started = time.process_time()
        time.sleep(seconds)
        return (time.process_time() - started) / seconds


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    with share_counts() as folder:
        count_batch()
        batch = measure_cpu(count_batch, 10_000, arguments.rounds)
        drawing = min(measure_drawing(folder, arguments.seconds) for _ in range(2))
    print_report({"batch_cpu_seconds": batch, "drawing_cpu_seconds": drawing})


if __name__ == "__main__":
    main()
