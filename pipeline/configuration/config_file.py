"""Reads a command's options from a file, checked as those of the command line are."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from albert_embed.pipeline.configuration.yaml_entries import Entry, normalise_name, parse_entries
from albert_embed.pipeline.console.command import CONFIG, Command, ConfigValues
from albert_embed.pipeline.console.option import Kind, Option
from albert_embed.pipeline.console.usage_error import UsageError
from albert_embed.pipeline.settings.choices import find_nearest_word
from albert_embed.transforms.files.directories import read_file

# YAML 1.1's words, which people write and programs put out.
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A configuration file whose own entries have been read.

    Attributes:
      command: whose options they are.
      values: the command's own.
      others: entries that are Beam's, or unknown; Beam is imported to read them.
    """

    command: Command
    values: ConfigValues
    others: tuple[Entry, ...] = ()

    def complete(self, beside: Sequence[str] = ()) -> ConfigValues:
        """Returns all values.

        Args:
          beside: the arguments on the command line, which may name the job service that knows more options.

        Raises:
          UsageError: if a key is unknown, or a value is not of its kind; the message names the line.
        """
        names = _index(self.command.options).keys()
        return dataclasses.replace(self.values, beam=_read_others(self.others, self.command, names, beside))


def read_config_file(path: str, command: Command, *, shared: Sequence[Option] = ()) -> ConfigFile:
    """Reads a command's own options from a YAML file.

    Args:
      path: of the file, on any file system that Beam knows.
      command: whose options they are.
      shared: options of the command that the file may serve as well: those that `command` lacks are left out.

    Raises:
      UsageError: if the file can't be read, a key is given twice, or a value is not of its kind; the message names the
        line.
    """
    try:
        content = read_file(path)
    except (OSError, ValueError) as e:  # the latter of a file system that there is not
        why = e.strerror if isinstance(e, OSError) and e.strerror else e
        raise UsageError(f"{CONFIG.flag} {path} can't be read: {why}; give a file that is there") from e
    own = _index(command.options)
    left_out = _index(shared).keys() - own.keys()
    occurrences: dict[str, list[Any]] = {}
    others: list[Entry] = []
    unused: list[str] = []
    for entry in parse_entries(content, path):
        if entry.name in own:
            if entry.values is not None:
                option = own[entry.name]
                occurrences[option.name] = _read_occurrences(option, entry)
        elif entry.name in left_out:
            unused.append(entry.key)
        else:
            others.append(entry)
    listed = f"{path}: {command.name} can't use these, which were left out: {', '.join(unused)}"
    values = ConfigValues(occurrences=occurrences, left_out=listed if unused else "")
    return ConfigFile(command=command, values=values, others=tuple(others))


def _index(options: Iterable[Option]) -> dict[str, Option]:
    return {normalise_name(option.flag): option for option in options}


def _read_others(
    entries: Sequence[Entry], command: Command, own: Collection[str], beside: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Reads what no option of the command's own takes."""
    if entries and command.takes_beam_options:
        from albert_embed.pipeline.configuration.beam_entries import read_beam_entries

        return read_beam_entries(entries, own, beside)
    for entry in entries:
        raise describe_unknown_key(entry, own)
    return {}


def describe_unknown_key(entry: Entry, known: Iterable[str]) -> UsageError:
    """Returns the error about a key that is no flag's name.

    Args:
      entry: with the key.
      known: the names that there are, with hyphens.
    """
    if entry.name in ("config", "print-config", "help", "version"):
        return UsageError(f"{entry.place}: {entry.key} is for the command line only; leave the line out")
    nearest = find_nearest_word(entry.name, list(known))
    return UsageError(f"{entry.place}: unknown key {entry.key}; the nearest known one is {nearest}")


def _read_occurrences(option: Option, entry: Entry) -> list[Any]:
    """Returns what argparse would have found on the command line."""
    values = entry.values or ()
    if entry.is_list and option.kind in (Kind.SWITCH, Kind.SINGLE):
        raise UsageError(f"{entry.place}: {entry.key} is a list; it takes one value")
    if option.kind is Kind.SWITCH:
        return [read_switch(entry)]
    occurrences: list[Any] = [list(values)] if option.kind is Kind.WORDS else list(values)
    try:
        option.read(occurrences)
    except UsageError as e:
        raise UsageError(f"{entry.place}: {e}") from e
    return occurrences


def read_switch(entry: Entry) -> bool:
    """Reads the value of a flag that takes none on the command line.

    Raises:
      UsageError: if it is neither true nor false.
    """
    (value,) = entry.values or ("",)
    if value.lower() not in _SWITCHES:
        raise UsageError(f"{entry.place}: {entry.key} is {value!r}; give true or false")
    return _SWITCHES[value.lower()]
