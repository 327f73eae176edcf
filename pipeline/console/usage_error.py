"""`UsageError`, and what is said of flags that are not known."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from albert_embed.pipeline.settings.choices import find_nearest_word


class UsageError(ValueError):
    """The command line asks for something that can't be done."""


class UnknownFlagError(UsageError):
    """A command does not know a flag.

    Args:
      flag: as it was given.
      known: the flags that the command has.
    """

    def __init__(self, flag: str, known: Collection[str]) -> None:
        super().__init__(f"unknown flag {flag}; the nearest known one is {find_nearest_word(flag, known)}")
        self.flag = flag
        self.known = frozenset(known)


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
        raise UsageError(
            f"unexpected argument {arguments[0]!r}; give a value behind its flag, and one with spaces in quotes"
        )
    raise UnknownFlagError(flag, known)
