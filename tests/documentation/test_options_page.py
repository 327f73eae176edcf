"""`docs/options.md` says of every command what its options say."""

from __future__ import annotations

import re

import pytest

from albert_embed.pipeline.cli.main import COMMANDS
from albert_embed.pipeline.console.command import COMMON_OPTIONS
from albert_embed.pipeline.console.option import Kind, Option
from tests.documentation.pages import find_sections, find_table_rows
from tests.tiny_model import ROOT

PAGE = ROOT / "docs" / "options.md"
_FLAG = re.compile(r"`(--?[\w-]+|[A-Z]+)[^`]*`")


_COMMON = "Every command"
_PAGES = [_COMMON, *COMMANDS]


def name_section(command: str) -> str:
    return command if command == _COMMON else f"`albert-embed {command}`"


def read_rows(command: str) -> list[tuple[list[str], str, str]]:
    """Returns the rows of a command's tables: flags, default, effect."""
    section = find_sections(PAGE)[name_section(command)]
    return [(_FLAG.findall(flags), default, effect) for flags, default, effect in find_table_rows(section)]


def find_options(command: str) -> dict[str, Option]:
    options = COMMON_OPTIONS if command == _COMMON else COMMANDS[command].options
    return {option.flag: option for option in options}


def test_every_command_has_a_section() -> None:
    assert sorted(find_sections(PAGE)) == sorted(map(name_section, _PAGES))


@pytest.mark.parametrize("command", _PAGES)
def test_every_flag_is_listed_once_and_no_other(command: str) -> None:
    listed = [flag for flags, _, _ in read_rows(command) for flag in flags]
    assert sorted(listed) == sorted(find_options(command))


@pytest.mark.parametrize("command", _PAGES)
def test_values_and_defaults(command: str) -> None:
    options = find_options(command)
    for flags, default, effect in read_rows(command):
        for flag in flags:
            option = options[flag]
            if default == "as for `embed`":
                assert option == find_options("embed")[flag]
                continue
            assert (default == "required") == option.required, flag
            assert default == "off" or option.kind is not Kind.SWITCH, flag
            assert [choice for choice in option.choices if f"`{choice}`" not in effect] == [], flag
            if option.default:
                first_word = option.default.split()[0].strip(",%")
                assert first_word in re.findall(r"[\w,./-]*[\w-]", default), flag
