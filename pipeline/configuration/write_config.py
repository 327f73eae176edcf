"""`--print-config`: the options of a command as the file that gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from albert_embed.pipeline.configuration.yaml_entries import normalise_name
from albert_embed.pipeline.console.command import PROGRAM, Arguments, Command
from albert_embed.pipeline.console.option import Kind, Option
from albert_embed.pipeline.console.output import CommandResult
from albert_embed.pipeline.launch.check_dataflow import SECRET_OPTIONS

# Numbers that other programs write in the same way; anything else is a text, and quoted where YAML would read it as
# something else.
_WHOLE_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}")
_SECRETS = frozenset(map(normalise_name, SECRET_OPTIONS))


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # the library has no types
    """Quotes texts with line breaks and control characters, which YAML would not give back as they are."""

    def represent_text(self, text: str) -> yaml.Node:
        """Returns the node of a text."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _Dumper.represent_text)


def describe_config(command: Command, arguments: Arguments) -> CommandResult:
    """Returns the options with which a command would run, as a file for `--config`.

    What is not set stands there as a comment, with its default. Secrets are left out.
    """
    values = dict(_list_values(command, arguments))
    secrets = [key for key in values if key in _SECRETS]
    for key in secrets:
        del values[key]
    text = "".join(_list_lines(command, values, secrets))
    record = {"status": "configuration", "exit_status": 0, "command": command.name, "config": values}
    return CommandResult(record=record, blocks=(text,))


def _list_lines(command: Command, values: dict[str, Any], secrets: Sequence[str]) -> Iterator[str]:
    yield f"# {PROGRAM} {command.name} --config FILE\n"
    for option in command.options:
        key = normalise_name(option.flag)
        if key not in values:
            yield f"# {key}: {option.default or ('false' if option.kind is Kind.SWITCH else '')}".rstrip() + "\n"
    for key, value in values.items():
        yield yaml.dump({key: value}, Dumper=_Dumper, allow_unicode=True, width=float("inf"), default_flow_style=False)
    for key in secrets:
        yield f"# {key} is left out, because it is a secret\n"


def _list_values(command: Command, arguments: Arguments) -> Iterator[tuple[str, Any]]:
    """Yields names with values that YAML and JSON know."""
    for option in command.options:
        if option.name in arguments.occurrences:
            yield normalise_name(option.flag), _to_plain(option, arguments)
    beam: dict[str, list[Any]] = {}
    for word in arguments.beam:
        if word.startswith("--"):
            flag, separator, value = word.partition("=")
            beam.setdefault(normalise_name(flag), []).append(_to_number(value) if separator else True)
        else:  # the value of the flag before
            *before, _ = beam[normalise_name(flag)]
            beam[normalise_name(flag)] = [*before, _to_number(word)]
    for name, values in beam.items():
        # A repetition of a flag without a value changes nothing.
        yield name, values[0] if len(values) == 1 or values[0] is True else values


def _to_plain(option: Option, arguments: Arguments) -> Any:
    if option.kind in (Kind.WORDS, Kind.COMMAS):
        return list(arguments.values[option.name])
    given = arguments.occurrences[option.name][0]
    return given if option.kind is Kind.SWITCH else _to_number(given)


def _to_number(text: str) -> Any:
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
