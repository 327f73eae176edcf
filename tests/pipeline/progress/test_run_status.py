"""Counts of a run as a status: what is done, how fast, and how long it will take."""

from __future__ import annotations

import pytest

from albert_embed.pipeline.progress.run_status import RunStatus, RunWork
from albert_embed.pipeline.progress.status import Status, describe_seconds


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def read_at(status: RunStatus, clock: Clock, now: float, **counts: int) -> Status:
    clock.now = now
    return status.read(counts)


def test_a_run_from_its_start_to_its_end() -> None:
    clock = Clock()
    status = RunStatus(RunWork(title="embedding", bytes=1000), clock)
    assert read_at(status, clock, 100).line == "embedding: 0 %"
    # Half of the input is read, and a fifth of that is embedded; the rest waits in a buffer.
    first = {"input_bytes": 500, "documents": 50, "windows": 50, "rows": 10, "tokens": 900, "padded_tokens": 1000}
    assert read_at(status, clock, 110, **first).line == "embedding: 10 %, 10 documents, fill 0.90"
    # Another 30 % in 10 s: the other 60 % take 20 s.
    second = {**first, "rows": 40, "tokens": 3600, "padded_tokens": 4000, "failures": 1}
    found = read_at(status, clock, 120, **second)
    assert found.line == "embedding: 40 %, 20 s left, 40 documents, 270 tokens/s, 1 failure, fill 0.90"
    last = {**second, "input_bytes": 1000, "documents": 100, "windows": 99, "rows": 99}
    assert read_at(status, clock, 130, **last).line == "publishing: 100 %, 100 documents"


def test_an_input_of_unknown_size_has_no_made_up_numbers() -> None:
    clock = Clock()
    status = RunStatus(RunWork(title="embedding", bytes=0), clock)
    assert read_at(status, clock, 100).line == "embedding"
    counts = {"documents": 50, "windows": 50, "rows": 25, "tokens": 100, "padded_tokens": 100}
    read_at(status, clock, 101, **counts)
    found = read_at(status, clock, 111, **{**counts, "rows": 50, "tokens": 1100, "padded_tokens": 1100})
    assert (found.share, found.seconds_left) == (None, None)
    assert found.line == "embedding: 50 documents, 100 tokens/s, fill 1.00"


def test_a_comparison_comes_before() -> None:
    clock = Clock()
    status = RunStatus(RunWork(title="embedding", bytes=1000, compares=True), clock)
    assert read_at(status, clock, 100, input_bytes=250, documents=3).line == "comparing: 25 %, 3 documents"
    counts = {"input_bytes": 1500, "documents": 8, "windows": 2, "rows": 1, "tokens": 5, "padded_tokens": 5}
    assert read_at(status, clock, 110, **counts).share == 0.25


def test_windows_make_no_more_documents() -> None:
    status = RunStatus(RunWork(title="embedding", bytes=100), Clock())
    assert status.read({"input_bytes": 100, "documents": 10, "windows": 40, "rows": 20}).figures == ("5 documents",)


def test_rates_are_those_of_the_last_half_minute() -> None:
    clock = Clock()
    status = RunStatus(RunWork(title="embedding", bytes=0), clock)
    for second in range(0, 101, 10):  # ten tokens per second, and from the minute on a hundred
        tokens = 10 * second if second <= 60 else 600 + 100 * (second - 60)
        found = read_at(status, clock, 100 + second, tokens=tokens + 1)
    assert found.figures == ("100 tokens/s",)


def test_an_analysis_embeds_nothing() -> None:
    clock = Clock()
    status = RunStatus(RunWork(title="analysing", bytes=100, embeds=False), clock)
    read_at(status, clock, 100, input_bytes=20, documents=4)
    found = read_at(status, clock, 104, input_bytes=60, documents=12)
    assert found.line == "analysing: 60 %, 4 s left, 12 documents"


def test_counts_of_a_bundle_that_ran_twice_are_not_more_than_all() -> None:
    status = RunStatus(RunWork(title="embedding", bytes=100), Clock())
    assert status.read({"input_bytes": 180, "documents": 9, "windows": 8, "rows": 9}).share == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (130, "2 min 10 s"),
        (3599.7, "1 h 0 min"),
        (11_100, "3 h 5 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert describe_seconds(seconds) == words


def test_a_job_that_counts_nothing_shows_its_state_and_the_time() -> None:
    clock = Clock()
    status = RunStatus(RunWork(title="embedding", bytes=1000), clock)
    clock.now += 135
    assert status.read({}, job_state="running").line == "embedding: the job is running, 2 min 15 s so far"
    assert status.read({}).line == "embedding: 0 %"
    assert status.read({"documents": 1}, job_state="running").line == "embedding: 0 %"
