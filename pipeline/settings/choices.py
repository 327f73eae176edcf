"""Checks options that take one or several of some words."""

from __future__ import annotations

import re
from collections.abc import Sequence


def check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    """Raises ValueError if the value of an option is none of `choices`."""
    if value not in choices:
        raise ValueError(f"{option} is {value!r}: choose from {', '.join(choices)}")


def check_choices(option: str, values: Sequence[str], choices: Sequence[str]) -> None:
    """Raises ValueError if an option names nothing, something twice, or what is not among `choices`."""
    for value in values:
        check_choice(option, value, choices)
    if not values or len(set(values)) != len(values):
        raise ValueError(f"{option} must name one or more, each once, not {','.join(values)!r}")


def check_sha256(option: str, value: str | None) -> None:
    """Checks that a value, if there is one, is a SHA-256 in hexadecimal digits.

    Raises:
      ValueError: if it is not.
    """
    if value is not None and re.fullmatch(r"[0-9a-fA-F]{64}", value) is None:
        raise ValueError(
            f"{option} is {value!r}: give 64 hexadecimal digits, as `inspect` shows the model's fingerprint"
        )
