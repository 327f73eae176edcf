"""`--config` on a command line: found and read before anything else, for the file may say how results are printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from albert_embed.pipeline.console.command import CONFIG, NO_CONFIG, Command, ConfigValues
from albert_embed.pipeline.console.option import Option, find_flag_value
from albert_embed.pipeline.console.usage_error import UsageError

if TYPE_CHECKING:
    from albert_embed.pipeline.configuration.config_file import ConfigFile


@dataclasses.dataclass(frozen=True, kw_only=True)
class GivenConfig:
    """The configuration file of a command line.

    Attributes:
      values: what it gives; nothing where there is none, or it can't be used.
      problem: why it can't be used.
      file: what has been read of it, so far.
    """

    values: ConfigValues = NO_CONFIG
    problem: UsageError | None = None
    file: ConfigFile | None = None

    def complete(self, given: Sequence[str]) -> GivenConfig:
        """Returns it with Beam's options, for which Beam is imported.

        Args:
          given: the command line, the command's name first.
        """
        if self.file is None:
            return self
        try:
            return dataclasses.replace(self, values=self.file.complete(given[1:]))
        except UsageError as e:
            return dataclasses.replace(self, problem=e)

    def find_value(self, option: Option, given: Sequence[str]) -> str | None:
        """Returns the value of an option, on the command line or else in the file; None where it has none."""
        found = find_flag_value(option.flag, given)
        return self.values.occurrences.get(option.name, [None])[0] if found is None else found

    def is_on(self, switch: Option, given: Sequence[str]) -> bool:
        """Returns whether a switch is on, by the command line or else by the file."""
        if switch.flag in given:
            return True
        return switch.negation not in given and bool(self.values.occurrences.get(switch.name, [False])[0])


def read_given_config(given: Sequence[str], commands: Mapping[str, Command]) -> GivenConfig:
    """Reads the file that a command line names, if it does, but for Beam's options.

    Args:
      given: the command line, the command's name first; it may be wrong in other ways.
      commands: all that there are, by their names.
    """
    command = commands.get(given[0]) if given else None
    path = find_flag_value(CONFIG.flag, given)
    if command is None or path is None:
        return GivenConfig()

    from albert_embed.pipeline.configuration.config_file import read_config_file

    shared = commands[command.shares_config_with].options if command.shares_config_with else ()
    try:
        file = read_config_file(CONFIG.read([path]), command, shared=shared)
        return GivenConfig(values=file.values, file=file)
    except UsageError as e:
        return GivenConfig(problem=e)
