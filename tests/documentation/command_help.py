"""What `albert-embed COMMAND --help` says of each flag."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import os
import re
from unittest import mock

from albert_embed.pipeline.cli.command_line import main

COMMANDS = ("export", "embed", "analyze", "inspect", "compact")
_ENTRY = re.compile(r"^  (?P<flag>--[\w-]+|[A-Z]+)(?P<rest>.*(?:\n {4,}.*)*)", re.MULTILINE)
_CHOICES = re.compile(r"{(?P<choices>[\w,]+)}")
_DEFAULT = re.compile(r"\(default: (?P<default>[^\s,)]+)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlagHelp:
    """What the help says of one flag or positional argument.

    Attributes:
      required: whether a command line without it is refused.
      choices: the values that it takes, where these are listed.
      default: the first word of the default, where the help says one.
      is_switch: whether it is a flag that takes no value.
    """

    required: bool
    choices: tuple[str, ...]
    default: str | None
    is_switch: bool


@functools.cache
def read_help(command: str) -> dict[str, FlagHelp]:
    """Returns the flags and positional arguments of a command, `--help` itself left out."""
    printed = io.StringIO()
    with mock.patch.dict(os.environ, COLUMNS="200"), contextlib.redirect_stdout(printed):
        try:
            main([command, "--help"])
        except SystemExit as e:
            assert e.code == 0
    usage, _, entries = printed.getvalue().partition("\n\n")
    return {match["flag"]: _describe(match["flag"], match["rest"], usage) for match in _ENTRY.finditer(entries)}


def _describe(flag: str, rest: str, usage: str) -> FlagHelp:
    text = " ".join(rest.split())
    signature = rest.splitlines()[0].split("  ")[0] if rest else ""
    choices = _CHOICES.search(signature)
    default = _DEFAULT.search(text)
    return FlagHelp(
        required=re.search(rf"\[{flag}(?![\w-])", usage) is None,
        choices=tuple(choices["choices"].split(",")) if choices else (),
        default=default["default"] if default else None,
        is_switch=flag.startswith("--") and not signature.strip(),
    )
