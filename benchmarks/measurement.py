"""Measures the rows, round by round, in alternating order."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.places import Places
from benchmarks.process import Finished, ProcessError, run_process
from benchmarks.rows import Row
from benchmarks.tokens import Tokens

PRECISIONS = ("float32", "bfloat16")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Round:
    """One measurement of a row.

    Attributes:
      tokens_per_second: useful tokens per second, after start-up; None where start-up alone took as long.
      seconds: of the whole process; for the model alone, of the calls of its engine.
      start_up_seconds: of the same command on the first document alone; None for the model alone.
      peak_bytes: peak memory of one process.
    """

    tokens_per_second: float | None
    seconds: float
    start_up_seconds: float | None
    peak_bytes: int


@dataclasses.dataclass
class RowMeasurement:
    """What was measured of a row.

    Attributes:
      row: the row.
      rounds: its measurements, one per round.
      report: what its program reported in the last round.
      failure: why it could not be measured, else None.
    """

    row: Row
    rounds: list[Round] = dataclasses.field(default_factory=list)
    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    failure: str | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """The median over the rounds; None where no round has a rate."""
        rates = [one.tokens_per_second for one in self.rounds if one.tokens_per_second is not None]
        return statistics.median(rates) if rates else None

    @property
    def start_up_seconds(self) -> float | None:
        """The median over the rounds."""
        seconds = [one.start_up_seconds for one in self.rounds if one.start_up_seconds is not None]
        return statistics.median(seconds) if seconds else None


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """Runs the rows' commands and keeps what they took.

    Attributes:
      places: the files of the run.
      tokens: the ids of the corpus.
      limit_seconds: how long one process may run.
      say: called with each line of progress.
    """

    places: Places
    tokens: Tokens
    limit_seconds: float
    say: Callable[[str], None]

    def run(
        self, rows: Sequence[Row], rounds: int
    ) -> Iterator[tuple[list[RowMeasurement], dict[str, list[dict[str, Any]]]]]:
        """Measures all rows in order, then in reverse, and so on; a row that failed once is not tried again.

        Yields:
          After each round: a measurement of every row so far, and precision → what `benchmarks.programs.matmul_rate`
          said in each round.
        """
        measurements = [RowMeasurement(row, failure=row.missing) for row in rows]
        matmul: dict[str, list[dict[str, Any]]] = {precision: [] for precision in PRECISIONS}
        for number in range(1, rounds + 1):
            for precision, reports in matmul.items():
                self.say(f"round {number} of {rounds}: matrix multiplication, {precision}")
                reports.append(self._measure_matmul(precision, number))
            for measurement in measurements if number % 2 else reversed(measurements):
                if measurement.failure is None:
                    self.say(f"round {number} of {rounds}: {measurement.row.key}")
                    self._measure(measurement, number)
            yield measurements, matmul

    def _measure(self, measurement: RowMeasurement, number: int) -> None:
        row = measurement.row
        try:
            if row.kind == "model":
                finished = self._execute(row, number, first_document=False)
                measurement.report = finished.report
                seconds, start_up_seconds = finished.report["seconds"], None
                tokens_per_second: float | None = int(self.tokens.splits[-1]) / seconds
            else:
                start_up_seconds = self._execute(row, number, first_document=True).seconds
                finished = self._execute(row, number, first_document=False)
                measurement.report = self._read_published(row) if row.kind == "embed" else finished.report
                seconds = finished.seconds
                tokens_per_second = self._useful_rate(seconds, start_up_seconds)
        except ProcessError as e:
            measurement.failure = str(e)
            self.say(f"  not measured: {e}")
            return
        measurement.rounds.append(
            Round(
                tokens_per_second=tokens_per_second,
                seconds=seconds,
                start_up_seconds=start_up_seconds,
                peak_bytes=finished.peak_bytes,
            )
        )
        self.say("  too little for a rate" if tokens_per_second is None else f"  {tokens_per_second:,.0f} tokens/s")

    def _useful_rate(self, seconds: float, start_up_seconds: float) -> float | None:
        """Returns tokens per second of all documents but the first, whose time is in start-up."""
        if seconds <= start_up_seconds:
            return None
        return int(self.tokens.splits[-1] - self.tokens.splits[1]) / (seconds - start_up_seconds)

    def _execute(self, row: Row, number: int, *, first_document: bool) -> Finished:
        shutil.rmtree(self.places.published(row.key), ignore_errors=True)
        corpus, part = (self.places.first_document, "start") if first_document else (self.places.corpus, "whole")
        log = self.places.log(f"{row.key}-{number}-{part}")
        return run_process(row.command(corpus), log=log, limit_seconds=self.limit_seconds)

    def _read_published(self, row: Row) -> dict[str, Any]:
        return run_process(
            [
                self.places.python,
                *("-m", "benchmarks.programs.read_output"),
                *("--tokens", str(self.places.tokens)),
                *("--output", str(self.places.published(row.key))),
                *("--outcome", str(self.places.outcome(row.key))),
            ],
            log=self.places.log(f"{row.key}-read"),
        ).report

    def _measure_matmul(self, precision: str, number: int) -> dict[str, Any]:
        return run_process(
            [
                self.places.python,
                *("-m", "benchmarks.programs.matmul_rate"),
                *("--precision", precision),
                *("--huggingface", str(self.places.huggingface)),
            ],
            log=self.places.log(f"matmul-{precision}-{number}"),
        ).report
