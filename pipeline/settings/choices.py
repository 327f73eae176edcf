"""Checks options that take one or several of some words."""

from __future__ import annotations

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
