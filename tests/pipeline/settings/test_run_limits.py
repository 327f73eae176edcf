"""Limits as a number or a percentage, and the two of a run: failures and deletions."""

from __future__ import annotations

import pytest

from albert_embed.pipeline.settings.run_limits import (
    ShareLimit,
    TooManyDeletionsError,
    TooManyFailuresError,
    check_deletions,
    check_failures,
    parse_share_limit,
)


@pytest.mark.parametrize(
    ("given", "total", "allowed", "words"),
    [
        ("0", 10, 0, "0"),
        ("1200", 10, 1200, "1,200"),
        ("1%", 300, 3, "1% of 300, that is 3"),
        ("1%", 299, 2, "1% of 299, that is 2"),
        ("0.5%", 1000, 5, "0.5% of 1,000, that is 5"),
        ("100%", 7, 7, "100% of 7, that is 7"),
        ("20%", 0, 0, "20% of 0, that is 0"),
    ],
)
def test_what_a_limit_allows(given: str, total: int, allowed: int, words: str) -> None:
    limit = parse_share_limit(given, flag="--max-failures")
    assert (limit.allow(total), limit.describe(total)) == (allowed, words)


@pytest.mark.parametrize("given", ["", "x", "1.5", "%", "1 of 5"])
def test_what_is_no_limit(given: str) -> None:
    with pytest.raises(ValueError, match=f"^--max-deletions is {given!r}: give a number, or a percentage such as 1%$"):
        parse_share_limit(given, flag="--max-deletions")


@pytest.mark.parametrize("given", ["-1", "-1%", "101%", "nan%"])
def test_limits_out_of_range(given: str) -> None:
    with pytest.raises(ValueError, match=f"^--max-failures is '{given}': give 0 or more, and at most 100%$"):
        parse_share_limit(given, flag="--max-failures")


def test_failures_up_to_the_limit() -> None:
    check_failures(ShareLimit(percent=1), documents=99, failures={"read: x": 1}, kept="k")
    with pytest.raises(TooManyFailuresError) as error:
        check_failures(ShareLimit(percent=1), documents=98, failures={"read: x": 2}, kept="k")
    assert str(error.value) == (
        "2 failures, --max-failures allows 1% of 100, that is 1; nothing was published. Most frequent: read: x (2). "
        "All of them until the next run: k"
    )


def test_deletions_up_to_the_limit() -> None:
    check_deletions(ShareLimit(percent=20), deleted=2, documents=10)
    with pytest.raises(TooManyDeletionsError) as error:
        check_deletions(ShareLimit(percent=20), deleted=3, documents=10)
    assert str(error.value) == (
        "the input lacks 3 of the 10 documents of the dataset, which --full-snapshot would delete; --max-deletions "
        "allows 20% of 10, that is 2. Nothing was published. Check that the input is complete; if it is, run the same "
        "command with --max-deletions 3"
    )


def test_three_reasons_are_named_the_most_frequent_first() -> None:
    failures = {"read: a": 1, "read: c": 2, "write: b": 2, "read: d": 9}
    with pytest.raises(
        TooManyFailuresError, match=r"Most frequent: read: d \(9\), read: c \(2\), write: b \(2\)\. All"
    ):
        check_failures(ShareLimit(count=13), documents=0, failures=failures, kept="k")
    check_failures(ShareLimit(count=14), documents=0, failures=failures, kept="k")
