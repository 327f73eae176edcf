"""Checks of single options, which several commands have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Sequence

# Words that have less in common than this are not taken for each other's misspelling (difflib's own limit).
_LIKENESS = 0.6


def find_nearest_word(word: str, known: Collection[str], *, likeness: float = 0.0) -> str | None:
    """Returns the one of `known` that is spelt most like `word`; None if none is as like as `likeness`, from 0 to 1."""
    found = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=likeness)
    return found[0] if found else None


def describe_choices(value: str, choices: Sequence[str]) -> str:
    """Returns what can be given in place of `value`, and which of that was probably meant."""
    nearest = find_nearest_word(value, choices, likeness=_LIKENESS)
    return f"choose from {', '.join(choices)}" + ("" if nearest is None else f"; the nearest is {nearest}")


def check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    """Raises ValueError if the value of an option is none of `choices`."""
    if value not in choices:
        raise ValueError(f"{option} is {value!r}: {describe_choices(value, choices)}")


def check_choices(option: str, values: Sequence[str], choices: Sequence[str]) -> None:
    """Raises ValueError if an option names nothing, something twice, or what is not among `choices`."""
    for value in values:
        check_choice(option, value, choices)
    if not values or len(set(values)) != len(values):
        raise ValueError(f"{option} must name one or more, each once, not {','.join(values)!r}")


def check_at_least(option: str, value: int | None, least: int) -> None:
    """Raises ValueError if the value of an option, if there is one, is less than `least`."""
    if value is not None and value < least:
        raise ValueError(f"{option} must be at least {least}, not {value}")


def check_sha256(option: str, value: str | None) -> None:
    """Checks that a value, if there is one, is a SHA-256 in hexadecimal digits.

    Raises:
      ValueError: if it is not.
    """
    if value is not None and re.fullmatch(r"[0-9a-fA-F]{64}", value) is None:
        raise ValueError(
            f"{option} is {value!r}: give 64 hexadecimal digits, as `inspect` shows the model's fingerprint"
        )
