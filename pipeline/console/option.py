"""`Option`: what one flag of a command takes, and what it means where it is given more than once."""

from __future__ import annotations

import argparse
import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

from albert_embed.pipeline.console.usage_error import UsageError

_NUMBERS: dict[type, str] = {int: "a whole number", float: "a number"}


class Kind(enum.Enum):
    """How many values an option takes, and what a repetition of its flag does."""

    SWITCH = "no value; a repetition changes nothing"
    SINGLE = "one value; a repetition is refused"
    WORDS = "one or more values; a repetition adds to them"
    COMMAS = "comma-separated values; a repetition adds to them"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """A flag of a command, or its positional argument.

    Attributes:
      flag: `--max-tokens`; without dashes it is a positional argument.
      help: what `--help` says of it.
      group: its heading in `--help`.
      kind: how many values it takes.
      metavar: the name of the value in `--help`.
      field: the name of its value for the command; by default that of the flag, with underscores.
      type: the type of a SINGLE value.
      choices: the possible values, where they are few.
      default: the default as `--help` names it; empty where there is nothing to say.
      bare: the value of a SINGLE flag that may be given without one.
      required: whether the command line must have it.
    """

    flag: str
    help: str
    group: str = "arguments"
    kind: Kind = Kind.SINGLE
    metavar: str = ""
    field: str = ""
    type: type = str
    choices: tuple[str, ...] = ()
    default: str = ""
    bare: str = ""
    required: bool = False

    @property
    def is_positional(self) -> bool:
        """Whether it is given by its position alone."""
        return not self.flag.startswith("-")

    @property
    def name(self) -> str:
        """The name of its value."""
        return self.field or self.flag.lstrip("-").replace("-", "_").lower()

    @property
    def usage(self) -> str:
        """As the line of usage shows it."""
        if self.is_positional:
            return self.flag
        return f"{self.flag} {self._placeholder}" + (f" [{self._placeholder} ...]" if self.kind is Kind.WORDS else "")

    @property
    def _placeholder(self) -> str:
        return self.metavar or ("{" + ",".join(self.choices) + "}" if self.choices else "VALUE")

    def parser_arguments(self) -> dict[str, Any]:
        """Returns the keyword arguments for argparse, which only collects the occurrences in a list."""
        note = " (required)" if self.required else f" (default: {self.default})" if self.default else ""
        arguments: dict[str, Any] = {
            "help": (self.help + note).replace("%", "%%"),
            "default": argparse.SUPPRESS,
            "action": "append",
        }
        if self.is_positional:
            return {**arguments, "nargs": "?", "metavar": self.flag}
        arguments["dest"] = self.name
        if self.kind is Kind.SWITCH:
            return {**arguments, "action": "append_const", "const": True}
        arguments["metavar"] = self._placeholder
        if self.bare:
            return {**arguments, "nargs": "?", "const": self.bare}
        return {**arguments, "nargs": "+"} if self.kind is Kind.WORDS else arguments

    def read(self, occurrences: Sequence[Any]) -> Any:
        """Reads the option's value.

        Args:
          occurrences: what argparse found, one for each time the flag was given; at least one.

        Returns:
          A bool for a switch, a `type` for a single value, else a tuple of str.

        Raises:
          UsageError: if a single value is given more than once, or is not of its type or choices.
        """
        if self.kind is Kind.SWITCH:
            return True
        if self.kind is Kind.WORDS:
            return tuple(value for values in occurrences for value in values)
        if self.kind is Kind.COMMAS:
            return tuple(value.strip() for values in occurrences for value in values.split(","))
        if len(occurrences) > 1:
            raise UsageError(describe_repetition(self.flag, occurrences))
        return self._read_one(occurrences[0])

    def _read_one(self, given: str) -> Any:
        if self.choices and given not in self.choices:
            raise UsageError(f"{self.flag} is {given!r}: choose from {', '.join(self.choices)}")
        try:
            return self.type(given)
        except ValueError as e:
            raise UsageError(f"{self.flag} is {given!r}: give {_NUMBERS[self.type]}") from e


def describe_repetition(flag: str, values: Sequence[str]) -> str:
    """Returns the message about a flag that takes one value and was given several."""
    times = "twice" if len(values) == 2 else f"{len(values)} times"
    listed = ", ".join(repr(value) for value in values[:-1])
    return f"{flag} is given {times}, as {listed} and {values[-1]!r}; give it once"
