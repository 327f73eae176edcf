"""`UsageError`, and what it says of a word that is not known: the nearest one that is."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence


class UsageError(ValueError):
    """The command line asks for something that can't be done."""


def find_nearest(word: str, known: Collection[str]) -> str:
    """The one of `known`, which must not be empty, that is spelt most like `word`."""
    return difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.0)[0]


def refuse_unknown(arguments: Sequence[str], known: Collection[str]) -> None:
    """Refuses what no parser took.

    Args:
      arguments: what was left over, in the order given.
      known: the flags that would have been taken.

    Raises:
      UsageError: where there is anything; for a flag it names the nearest known one.
    """
    if not arguments:
        return
    flag = arguments[0].split("=", 1)[0]
    if not flag.startswith("-"):
        raise UsageError(f"unexpected argument {arguments[0]!r}")
    raise UsageError(f"unknown flag {flag}; the nearest known one is {find_nearest(flag, known)}")
