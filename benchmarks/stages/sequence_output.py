"""Sequence output: what comes after the model, on one core."""

from __future__ import annotations

from benchmarks.stages.result import Result
from benchmarks.stages.workshop import Workshop

_MEGABYTES_PER_SECOND = {"float_list": 150.0, "float16_bytes": 400.0}
_TINY_HIDDEN_SIZE = 128
_BASE_HIDDEN_SIZE = 768
_TOKENS = 600_000  # for the tiny model; as many bytes for the other


def measure(workshop: Workshop) -> list[Result]:
    """Measures MB of float32 embeddings per second of processor time, from the model's output to the closed file.

    The target is for the tiny model. ALBERT-base's rows are wider, so the cost per row and per batch matters less.

    Raises:
      ProcessError: if the program fails.
    """
    return [
        _measure(workshop, encoding, hidden_size, target if hidden_size == _TINY_HIDDEN_SIZE else None)
        for hidden_size in (_TINY_HIDDEN_SIZE, _BASE_HIDDEN_SIZE)
        for encoding, target in _MEGABYTES_PER_SECOND.items()
    ]


def _measure(workshop: Workshop, encoding: str, hidden_size: int, target: float | None) -> Result:
    tokens = _TOKENS * _TINY_HIDDEN_SIZE // hidden_size
    sizes = ("--hidden-size", str(hidden_size), "--tokens", str(tokens))
    report = workshop.run_program("write_sequence", "--encoding", encoding, *sizes).report
    megabytes = report["megabytes"]
    rate, wall_rate = megabytes / report["pipeline_cpu_seconds"], megabytes / report["pipeline_wall_seconds"]
    attached, encoded = megabytes / report["attach_cpu_seconds"], megabytes / report["encode_cpu_seconds"]
    return Result(
        what=f"sequence output written, one core, width {hidden_size}, {encoding}",
        target="" if target is None else f"≥ {target:.0f} MB/s",
        measured=f"{rate:.0f} MB/s (by the wall clock {wall_rate:.0f}); "
        f"attaching alone {attached:.0f}, encoding alone {encoded:.0f}",
        reached=None if target is None else rate >= target,
        numbers=dict(report),
    )
