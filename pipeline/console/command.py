"""`Command`: one word of the command line, with the options it takes and the function that carries it out."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from albert_embed.pipeline.console.option import Kind, Option
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.usage_error import UsageError, refuse_unknown

PROGRAM = "albert-embed"
_BEAM_OPTIONS = (
    "Every option of Apache Beam, spelt as there, such as --runner DataflowRunner, --project, --region and "
    "--temp_location, or --direct_num_workers N --direct_running_mode multi_processing on this machine."
)
JSON = Option(flag="--json", kind=Kind.SWITCH, help="print the result as one line of JSON", group="result")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments of a command.

    Attributes:
      values: name of an option → its value, for the options that were given and no others.
      beam: the flags of Apache Beam, with their values.
    """

    values: Mapping[str, Any]
    beam: tuple[str, ...] = ()

    def choose(self, dataclass: type) -> dict[str, Any]:
        """Returns the values that have the name of a field of `dataclass`."""
        names = {field.name for field in dataclasses.fields(dataclass)}
        return {name: value for name, value in self.values.items() if name in names}


def describe_unchanged(_: Arguments) -> str:
    """Returns what an interrupted command leaves that writes nothing until its end."""
    return "nothing was changed; run the same command again"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """A command.

    Attributes:
      name: the word that calls it.
      description: one or two sentences for `--help`.
      options: what it takes, in the order of `--help`.
      run: carries it out; what it needs is imported there, so that `--help` answers at once.
      takes_beam_options: whether it takes the flags of Apache Beam too.
      describe_interruption: says what was kept and how to go on where the command is interrupted.
      reports_errors_as_json: whether, with `--json`, an error is a line of JSON on standard output too.
    """

    name: str
    description: str
    options: tuple[Option, ...]
    run: Callable[[Arguments], CommandResult]
    takes_beam_options: bool = False
    reports_errors_as_json: bool = True
    describe_interruption: Callable[[Arguments], str] = describe_unchanged

    @property
    def usage(self) -> str:
        """The command with what it requires, in one line."""
        required = [option.usage for option in self.options if option.required]
        beam = ["[options of Apache Beam]"] if self.takes_beam_options else []
        return " ".join([PROGRAM, self.name, *required, "[options]", *beam])

    @property
    def flags(self) -> set[str]:
        """All flags of its own."""
        return {flag for option in self.options for flag in option.flags}

    def help(self) -> str:
        """Returns what `--help` prints, no wider than the terminal."""
        parser = self.make_parser()
        # argparse breaks no usage that it is given. Two columns stay free, as in the rest.
        start = "usage: "
        width = shutil.get_terminal_size().columns - 2 - len(start)
        lines = textwrap.wrap(self.usage, max(width, 20), break_long_words=False, break_on_hyphens=False)
        parser.usage = f"\n{' ' * len(start)}".join(lines).replace("%", "%%")
        return parser.format_help()

    def parse(self, arguments: Sequence[str]) -> Arguments:
        """Reads the arguments that follow the command's name.

        A misspelt flag or value is reported before a missing one, because it is often the reason.

        Raises:
          UsageError: if an argument is unknown, missing or given too often, or its value is not of its kind.
        """
        known, rest = self.make_parser().parse_known_args(list(arguments))
        if rest and self.takes_beam_options:
            from albert_embed.pipeline.console.beam_arguments import check_beam_arguments

            check_beam_arguments(rest, self.flags)
        else:
            refuse_unknown(rest, self.flags)
        given = {option.name: option for option in self.options if hasattr(known, option.name)}
        values = {name: option.read(getattr(known, name)) for name, option in given.items()}
        missing = [option.flag for option in self.options if option.required and option.name not in given]
        if missing:
            *others, last = missing
            raise UsageError(f"{', '.join(others)} and {last} are missing" if others else f"{last} is missing")
        return Arguments(values=values, beam=tuple(rest))

    def make_parser(self) -> argparse.ArgumentParser:
        """Returns argparse's parser of its own options. A flag can't be abbreviated: later ones would change it."""
        parser = _Parser(
            prog=f"{PROGRAM} {self.name}",
            usage=self.usage.replace("%", "%%"),
            description=self.description,
            allow_abbrev=False,
        )
        for title in dict.fromkeys(option.group for option in self.options):
            group = parser.add_argument_group(title)
            for option in self.options:
                if option.group == title:
                    option.add_to(group)
        if self.takes_beam_options:
            parser.add_argument_group("Apache Beam", _BEAM_OPTIONS)
        return parser


class _Parser(argparse.ArgumentParser):
    """A parser that raises its errors, for `main` to print."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)
