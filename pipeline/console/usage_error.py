"""`UsageError`, and the nearest known word for one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence


class UsageError(ValueError):
    """The command line asks for something that can't be done."""


def find_nearest(word: str, known: Collection[str]) -> str:
    """Returns the one of `known`, which must not be empty, that is spelt most like `word`."""
    return difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.0)[0]


def refuse_unknown(arguments: Sequence[str], known: Collection[str]) -> None:
    """Refuses arguments that no parser took.

    Args:
      arguments: those that are left, in the order given.
      known: the flags that exist.

    Raises:
      UsageError: if there are any; for a flag it names the nearest known one.
    """
    if not arguments:
        return
    flag = arguments[0].split("=", 1)[0]
    if not flag.startswith("-"):
        raise UsageError(f"unexpected argument {arguments[0]!r}")
    raise UsageError(f"unknown flag {flag}; the nearest known one is {find_nearest(flag, known)}")
