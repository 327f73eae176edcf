"""Says of a flag that a command does not know which other command has it."""

from __future__ import annotations

from collections.abc import Collection

from albert_embed.pipeline.console.command import Command
from albert_embed.pipeline.console.usage_error import UnknownFlagError, UsageError
from albert_embed.pipeline.settings.choices import find_nearest_word

# A flag that is less like any of the command's own may be one of Beam's; to know these takes two seconds.
_LIKENESS = 0.7


def explain_unknown_flag(error: UnknownFlagError, command: Command, commands: Collection[Command]) -> UsageError:
    """Returns the error to show: where the flag belongs, if it is one of another command or of Beam.

    Args:
      error: as the command's parser raised it.
      command: the one that was called.
      commands: all that there are.
    """
    owners = [other.name for other in commands if error.flag in other.flags]
    if owners:
        return UsageError(f"unknown flag {error.flag}; it belongs to {_join(owners)}, not to {command.name}")
    if not command.takes_beam_options and find_nearest_word(error.flag, error.known, likeness=_LIKENESS) is None:
        from albert_embed.pipeline.console.beam_arguments import list_beam_flags

        if error.flag in list_beam_flags():
            takers = [other.name for other in commands if other.takes_beam_options]
            return UsageError(
                f"unknown flag {error.flag}; it is an option of Apache Beam, which {_join(takers)} take, not "
                f"{command.name}"
            )
    return UsageError(str(error))


def _join(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
