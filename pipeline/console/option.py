"""`Option`: what one flag of a command takes, and what it means where it is given more than once."""

from __future__ import annotations

import argparse
import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

from albert_embed.pipeline.console.usage_error import UsageError
from albert_embed.pipeline.settings.choices import describe_choices
from albert_embed.pipeline.settings.table_name import names_table
from albert_embed.pipeline.storage.check_path import check_destination, check_path
from albert_embed.pipeline.storage.paths import expand_path
from albert_embed.transforms.files.directories import is_remote

_NUMBERS: dict[type, str] = {int: "a whole number", float: "a number"}
# Choices that take more in `--help` stand in the text, where lines can be broken, and not in the flag's own line.
_MAX_CHOICES_WIDTH = 24


class Kind(enum.Enum):
    """How many values an option takes, and what a repetition of its flag does."""

    SWITCH = "no value; a repetition changes nothing, and `--no-…` turns it off"
    SINGLE = "one value; a repetition is refused"
    WORDS = "one or more values; a repetition adds to them"
    COMMAS = "comma-separated values; a repetition adds to them"


class Place(enum.Enum):
    """What is done with a path."""

    READ = "it is read"
    WRITTEN = "it is written, here or in a bucket"
    WRITTEN_HERE = "it is written on this machine"


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
      place: what is done with the paths that are its values; None where they are none.
      choices: the possible values, of a list the possible items, where they are few.
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
    place: Place | None = None
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
        return f"{self.flag} {self.placeholder}" + (f" [{self.placeholder} ...]" if self.kind is Kind.WORDS else "")

    @property
    def negation(self) -> str:
        """The flag that turns a switch off, such as one that a configuration file has turned on."""
        name = self.flag.removeprefix("--")
        return f"--{name.removeprefix('no-')}" if name.startswith("no-") else f"--no-{name}"

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that set it; none for a positional argument."""
        if self.is_positional:
            return ()
        return (self.flag, self.negation) if self.kind is Kind.SWITCH else (self.flag,)

    @property
    def _shows_choices(self) -> bool:
        """Whether the choices are the placeholder of the value."""
        return bool(self.choices) and not self.metavar and len(",".join(self.choices)) <= _MAX_CHOICES_WIDTH

    @property
    def placeholder(self) -> str:
        """The name of its value in `--help`, a positional argument's own."""
        if self.is_positional:
            return self.flag
        return self.metavar or ("{" + ",".join(self.choices) + "}" if self._shows_choices else "VALUE")

    @property
    def description(self) -> str:
        """What `--help` says of it, with the choices and the default."""
        listed = bool(self.choices) and not self._shows_choices
        choices = f"; {'any' if self.kind is Kind.COMMAS else 'one'} of {', '.join(self.choices)}" if listed else ""
        note = " (required)" if self.required else f" (default: {self.default})" if self.default else ""
        return f"{self.help}{choices}{note}"

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        """Adds it to a parser, or to a group of one."""
        parser.add_argument(self.name if self.is_positional else self.flag, **self._parser_arguments())
        if self.kind is Kind.SWITCH:
            parser.add_argument(
                self.negation,
                dest=self.name,
                default=argparse.SUPPRESS,
                action="append_const",
                const=False,
                help=argparse.SUPPRESS,
            )

    def _parser_arguments(self) -> dict[str, Any]:
        """Returns the keyword arguments for argparse, which only collects the occurrences in a list."""
        arguments: dict[str, Any] = {
            "help": self.description.replace("%", "%%"),
            "default": argparse.SUPPRESS,
            "action": "append",
        }
        if self.is_positional:
            return {**arguments, "nargs": "?", "metavar": self.flag}
        arguments["dest"] = self.name
        if self.kind is Kind.SWITCH:
            return {**arguments, "action": "append_const", "const": True}
        arguments["metavar"] = self.placeholder
        if self.bare:
            return {**arguments, "nargs": "?", "const": self.bare}
        return {**arguments, "nargs": "+"} if self.kind is Kind.WORDS else arguments

    def read(self, occurrences: Sequence[Any]) -> Any:
        """Reads the option's value.

        Args:
          occurrences: what argparse found, one for each time the flag was given; at least one.

        Returns:
          A bool for a switch, a `type` for a single value, else a tuple of str. In paths `~` and `file://` are local
          paths.

        Raises:
          UsageError: if a single value is given more than once, a switch is turned on and off, or a value is not of its
            type or choices, or no path for its place.
        """
        if self.kind is Kind.SWITCH:
            if len(set(occurrences)) > 1:
                raise UsageError(f"{self.flag} and {self.negation} are both given; give one of them")
            return occurrences[0]
        if self.kind is Kind.WORDS:
            return tuple(self._read_path(value) for values in occurrences for value in values)
        if self.kind is Kind.COMMAS:
            items = tuple(value.strip() for values in occurrences for value in values.split(","))
            for item in items:
                self._check_choice(item)
            return items
        if len(occurrences) > 1:
            raise UsageError(describe_repetition(self.flag, occurrences))
        return self._read_one(occurrences[0])

    def _check_choice(self, given: str) -> None:
        if self.choices and given not in self.choices:
            raise UsageError(f"{self.flag} is {given!r}: {describe_choices(given, self.choices)}")

    def _read_path(self, given: str) -> str:
        if self.place is None or names_table(given):
            return given
        try:
            path = expand_path(given)
            check_path(path, named=self.flag)
            if self.place is Place.READ:
                return path
            if self.place is Place.WRITTEN_HERE and is_remote(path):
                raise UsageError(f"{self.flag} is {path}: it is written on this machine alone; give a local path")
            check_destination(path, named=self.flag)
        except ValueError as e:
            raise UsageError(str(e)) from e
        return path

    def _read_one(self, given: str) -> Any:
        self._check_choice(given)
        given = self._read_path(given)
        try:
            return self.type(given)
        except ValueError as e:
            raise UsageError(f"{self.flag} is {given!r}: give {_NUMBERS[self.type]}") from e


def find_flag_value(flag: str, arguments: Sequence[str]) -> str | None:
    """Returns the value of a flag in arguments that may be wrong in other ways; None if it has none there."""
    for place, argument in enumerate(arguments):
        if argument.startswith(f"{flag}="):
            return argument.removeprefix(f"{flag}=")
        if argument == flag and place + 1 < len(arguments):
            return arguments[place + 1]
    return None


def describe_repetition(flag: str, values: Sequence[str]) -> str:
    """Returns the message about a flag that takes one value and was given several."""
    times = "twice" if len(values) == 2 else f"{len(values)} times"
    listed = ", ".join(repr(value) for value in values[:-1])
    return f"{flag} is given {times}, as {listed} and {values[-1]!r}; give it once"
