"""What the host spends on each token beside the model, so how fast an accelerator it can feed."""

from __future__ import annotations

from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

# Embeddings, sink, encoding; million tokens per second of one core.
_TARGETS = {
    ("pooled", "tfrecord", "float_list"): 1.5,
    ("mean", "tfrecord", "float_list"): 1.5,
    ("pooled,mean", "parquet", "float_list"): 1.5,
    ("sequence", "tfrecord", "float16_bytes"): 0.5,
    ("sequence", "tfrecord", "float32_bytes"): 0.3,
    ("sequence", "parquet", "float16_bytes"): 0.5,
    ("sequence", "parquet", "float32_bytes"): 0.3,
}
_THREADS = (1, 2, 4)


def measure(workshop: Workshop) -> list[Result]:
    """Measures ALBERT-base's width in batches of 16,384 tokens, from windows to what a file is given.

    The target is for processor time. Several threads show by the wall clock what the interpreter's lock leaves of them.

    Raises:
      ProcessError: if the program fails.
    """
    return [
        _measure(workshop, names, threads, target if threads == 1 else None)
        for names, target in _TARGETS.items()
        for threads in _THREADS
    ]


def _measure(workshop: Workshop, names: tuple[str, str, str], threads: int, target: float | None) -> Result:
    embeddings, sink, encoding = names
    options = ("--embeddings", embeddings, "--sink", sink, "--encoding", encoding, "--threads", str(threads))
    report = workshop.run_program("feed", *options).report
    rate, wall_rate = (report["tokens"] / report[name] / 1e6 for name in ("cpu_seconds", "seconds"))
    return Result(
        what=f"fed, {embeddings} to {sink}, {encoding}, {threads} thread{'s' if threads > 1 else ''}",
        target="" if target is None else f"≥ {target} M tokens/s of a core",
        measured=f"{rate:.2f} M tokens/s (by the wall clock {wall_rate:.2f})",
        reached=None if target is None else rate >= target,
        numbers=dict(report),
    )
