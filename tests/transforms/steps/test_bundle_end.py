"""What steps give when a bundle ends."""

from __future__ import annotations

import pytest
from apache_beam.transforms.window import GlobalWindow, IntervalWindow
from apache_beam.utils.timestamp import Timestamp

from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.bundle_end import at_end_of, at_end_of_all, give_counts
from albert_embed.transforms.steps.metrics import BundleCounts

WINDOW = IntervalWindow(Timestamp(10), Timestamp(20))


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    metrics.forget_counts()


def test_a_value_comes_at_the_last_moment_of_its_window() -> None:
    given = at_end_of(WINDOW, "a")
    assert (given.value, list(given.windows)) == ("a", [WINDOW])
    assert given.timestamp == WINDOW.max_timestamp() == Timestamp(micros=19_999_999)
    given = at_end_of_all("a")
    assert (given.value, list(given.windows), given.timestamp) == (
        "a",
        [GlobalWindow()],
        GlobalWindow().max_timestamp(),
    )


@pytest.mark.parametrize("window", [None, WINDOW])
def test_counts_are_given_once_and_only_where_there_are_any(window: IntervalWindow | None) -> None:
    assert list(give_counts(window)) == []
    metrics.increment(metrics.ROWS, 3)
    (given,) = give_counts(window)
    assert given.tag == "counts" and given.value.value == BundleCounts(counts={"rows": 3})
    assert list(given.value.windows) == [GlobalWindow() if window is None else window]
    assert list(give_counts(window)) == []
