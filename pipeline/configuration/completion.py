"""`--print-completion SHELL`: what a shell needs to complete command lines. Completing starts no Python."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection

import shtab

from albert_embed.pipeline.console.command import Command
from albert_embed.pipeline.console.option import Option

_PLACES = {"DIR": shtab.DIRECTORY, "FILE": shtab.FILE, "PATH": shtab.FILE, "PATTERN": shtab.FILE, "M": shtab.DIRECTORY}


def make_completion(shell: str, parser: argparse.ArgumentParser, commands: Collection[Command]) -> str:
    """Returns the script for a shell: commands, all flags, Beam's too, and as values choices, files and folders.

    Args:
      shell: `bash`, `zsh` or `fish`.
      parser: of what can be given without a command; the commands are added to it.
      commands: all that there are.
    """
    called = parser.add_subparsers(metavar="COMMAND")
    beam = _list_beam_actions() if any(command.takes_beam_options for command in commands) else []
    for command in commands:
        own = called.add_parser(command.name, help=command.description.replace("%", "%%"))
        command.add_options(own)
        if command.takes_beam_options:
            _add_beam_options(own, beam)
        options = {option.name: option for option in command.all_options}
        for action in own._actions:
            if action.dest in options:
                _describe_value(action, options[action.dest])
    script: str = shtab.complete(parser, shell=shell)
    return script


def _describe_value(action: argparse.Action, option: Option) -> None:
    """Says what the shell is to offer as a value."""
    if action.nargs == 0:
        return
    # zsh takes a colon in the name of a value, such as TYPE[:COUNT], for the end of the name.
    action.metavar = " ".join(re.findall(r"\w+", option.placeholder))
    if option.choices:
        action.choices = list(option.choices)
    elif option.placeholder in _PLACES:
        action.complete = _PLACES[option.placeholder]  # type: ignore[attr-defined]  # shtab's own attribute


def _list_beam_actions() -> list[argparse.Action]:
    from albert_embed.pipeline.console.beam_arguments import list_actions, make_beam_parser

    return list(dict.fromkeys(list_actions(make_beam_parser()).values()))


def _add_beam_options(parser: argparse.ArgumentParser, beam: Collection[argparse.Action]) -> None:
    group = parser.add_argument_group("Apache Beam")
    for action in beam:
        # The help of Beam's options is long, and has percent signs that argparse can't format.
        if action.nargs == 0:
            group.add_argument(*action.option_strings, action="store_true", help="option of Apache Beam")
        else:
            choices = None if action.choices is None else list(action.choices)
            group.add_argument(*action.option_strings, choices=choices, help="option of Apache Beam")
