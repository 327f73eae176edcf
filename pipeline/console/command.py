"""`Command`: one word of the command line, with the options it takes and the function that carries it out."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from albert_embed.pipeline.console.option import Kind, Option, Place
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.console.usage_error import UsageError, refuse_unknown

PROGRAM = "albert-embed"
_BEAM_OPTIONS = (
    "Every option of Apache Beam, spelt as there, such as --runner DataflowRunner, --project, --region and "
    "--temp_location, or --direct_num_workers N --direct_running_mode multi_processing on this machine."
)
CONFIG = Option(
    flag="--config",
    place=Place.READ,
    metavar="FILE",
    help="a YAML file with flags and their values, such as overwrite: true; those on the command line win",
    group="configuration",
)
PRINT_CONFIG = Option(
    flag="--print-config",
    kind=Kind.SWITCH,
    help="print all flags and their values as such a file, and do nothing else",
    group="configuration",
)
VERBOSE = Option(
    flag="--verbose",
    kind=Kind.SWITCH,
    help="show all that libraries say, and where in the program an error comes from",
    group="result",
)
# What every command takes beside its own.
COMMON_OPTIONS = (CONFIG, PRINT_CONFIG, VERBOSE)
JSON = Option(flag="--json", kind=Kind.SWITCH, help="print the result as one line of JSON", group="result")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments of a command.

    Attributes:
      values: name of an option → its value, for the options that were given and no others.
      beam: the flags of Apache Beam, with their values.
      occurrences: name of an option → what was given for it, as texts.
      print_config: whether only these are to be printed.
    """

    values: Mapping[str, Any]
    beam: tuple[str, ...] = ()
    occurrences: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    print_config: bool = False

    def choose(self, dataclass: type) -> dict[str, Any]:
        """Returns the values that have the name of a field of `dataclass`."""
        names = {field.name for field in dataclasses.fields(dataclass)}
        return {name: value for name, value in self.values.items() if name in names}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigValues:
    """What a configuration file gives, to be merged with the command line.

    Attributes:
      occurrences: name of an option → what argparse would have found for it on the command line.
      beam: name of an option of Apache Beam → the words that give it.
      left_out: what to say of keys that are of another command; empty where there are none.
    """

    occurrences: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    beam: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    left_out: str = ""


NO_CONFIG = ConfigValues()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """A command.

    Attributes:
      name: the word that calls it.
      description: one or two sentences for `--help`.
      options: what it takes, in the order of `--help`.
      run: carries it out; what it needs is imported there, so that `--help` answers at once.
      takes_beam_options: whether it takes the flags of Apache Beam too.
      reports_errors_as_json: whether, with `--json`, an error is a line of JSON on standard output too.
      shares_config_with: the command whose configuration files serve this one as well.
    """

    name: str
    description: str
    options: tuple[Option, ...]
    run: Callable[[Arguments], CommandResult]
    takes_beam_options: bool = False
    reports_errors_as_json: bool = True
    shares_config_with: str = ""

    @property
    def usage(self) -> str:
        """The command with what it requires and what its position alone says, in one line."""
        required = [option.usage for option in self.options if option.required]
        optional = [f"[{option.usage}]" for option in self.options if option.is_positional and not option.required]
        beam = ["[options of Apache Beam]"] if self.takes_beam_options else []
        return " ".join([PROGRAM, self.name, *required, *optional, "[options]", *beam])

    @property
    def all_options(self) -> tuple[Option, ...]:
        """What it takes, but for Beam's options."""
        return (*self.options, *COMMON_OPTIONS)

    @property
    def flags(self) -> set[str]:
        """All flags that it takes, but for Beam's."""
        return {flag for option in self.all_options for flag in option.flags}

    def help(self) -> str:
        """Returns what `--help` prints, no wider than the terminal."""
        parser = self.make_parser()
        # argparse breaks no usage that it is given. Two columns stay free, as in the rest.
        start = "usage: "
        width = shutil.get_terminal_size().columns - 2 - len(start)
        lines = textwrap.wrap(self.usage, max(width, 20), break_long_words=False, break_on_hyphens=False)
        parser.usage = f"\n{' ' * len(start)}".join(lines).replace("%", "%%")
        return parser.format_help()

    def parse(self, arguments: Sequence[str], config: ConfigValues = NO_CONFIG) -> Arguments:
        """Reads the arguments that follow the command's name, and those of a file that the command line does not give.

        A misspelt flag or value is reported before a missing one, because it is often the reason.

        Raises:
          UsageError: if an argument is unknown, missing or given too often, or its value is not of its kind.
        """
        known, rest = self.make_parser().parse_known_args(list(arguments))
        if (rest or config.beam) and self.takes_beam_options:
            from albert_embed.pipeline.console.beam_arguments import check_beam_arguments, merge_beam_arguments

            rest = merge_beam_arguments(rest, config.beam)
            check_beam_arguments(rest, self.flags)
        else:
            refuse_unknown(rest, self.flags)
        found = vars(known)
        common = {option.name: option.read(found.pop(option.name)) for option in COMMON_OPTIONS if option.name in found}
        given = {**config.occurrences, **self._place_positionals(found, config)}
        values = {option.name: option.read(given[option.name]) for option in self.options if option.name in given}
        missing = [option.flag for option in self.options if option.required and option.name not in given]
        if missing:
            *others, last = missing
            raise UsageError(f"{', '.join(others)} and {last} are missing" if others else f"{last} is missing")
        return Arguments(
            values=values,
            beam=tuple(rest),
            occurrences=given,
            print_config=common.get(PRINT_CONFIG.name, False),
        )

    def _place_positionals(self, found: dict[str, Any], config: ConfigValues) -> dict[str, Any]:
        """Returns what argparse has found, with positional arguments in the places that the file leaves open.

        Raises:
          UsageError: if there are too many for those, and too few for all.
        """
        places = {option.name: option.flag for option in self.options if option.is_positional}
        words = [found[name] for name in places if name in found]
        free = [name for name in places if name not in config.occurrences]
        if len(words) == len(places):
            free = list(places)
        if len(words) > len(free):
            raise UsageError(
                f"the file gives {' and '.join(places[name] for name in places if name not in free)}; on the command "
                f"line give all of {' '.join(places.values())}, or only what the file does not"
            )
        others = {name: value for name, value in found.items() if name not in places}
        return {**others, **dict(zip(free, words, strict=False))}

    def make_parser(self) -> argparse.ArgumentParser:
        """Returns argparse's parser of its own options. A flag can't be abbreviated: later ones would change it."""
        parser = _Parser(
            prog=f"{PROGRAM} {self.name}",
            usage=self.usage.replace("%", "%%"),
            description=self.description,
            allow_abbrev=False,
        )
        self.add_options(parser)
        if self.takes_beam_options:
            parser.add_argument_group("Apache Beam", _BEAM_OPTIONS)
        return parser

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Adds all options to a parser, in their groups."""
        for title in dict.fromkeys(option.group for option in self.all_options):
            group = parser.add_argument_group(title)
            for option in self.all_options:
                if option.group == title:
                    option.add_to(group)


class _Parser(argparse.ArgumentParser):
    """A parser that raises its errors, for `main` to print."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)
