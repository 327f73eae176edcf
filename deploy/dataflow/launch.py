"""What the launcher of the Flex Template runs: `albert-embed embed` with the template's parameters.

A template's parameter is `--NAME=VALUE`, whatever it is: a switch is `true` or `false`, and a list has spaces between
its values. Those that are not this program's own are Apache Beam's, and pass as they are.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence

from albert_embed.pipeline.cli.embed import EMBED
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.console.option import Kind, Option

OPTIONS = {option.name: option for option in EMBED.options}


def make_command(parameters: Sequence[str]) -> list[str]:
    """Makes the command of the parameters."""
    return ["embed", *(argument for parameter in parameters for argument in _translate(parameter))]


def _translate(parameter: str) -> Iterator[str]:
    name, separator, value = parameter.removeprefix("--").partition("=")
    option = OPTIONS.get(name.replace("-", "_"))
    if option is None or not separator:
        yield parameter
    elif value:  # an empty parameter is one that was not given
        yield from _translate_own(option, value)


def _translate_own(option: Option, value: str) -> Iterator[str]:
    if option.kind is Kind.SWITCH:
        if value not in ("true", "false"):
            sys.exit(f"the parameter {option.name} is {value!r}: give true or false")
        if value == "true":
            yield option.flag
    elif option.kind is Kind.WORDS:
        try:
            words = shlex.split(value)
        except ValueError as e:
            sys.exit(f"the parameter {option.name} is {value!r}: {e}; put quotes around what holds a space")
        yield from (f"{option.flag}={word}" for word in words)
    else:
        yield f"{option.flag}={value}"


if __name__ == "__main__":
    sys.exit(main(make_command(sys.argv[1:])))
