"""`docs/options.md` says of every command what the command's own help says."""

from __future__ import annotations

import re

import pytest

from tests.documentation.command_help import COMMANDS, read_help
from tests.documentation.pages import find_sections, find_table_rows
from tests.tiny_model import ROOT

PAGE = ROOT / "docs" / "options.md"
_FLAG = re.compile(r"`(--[\w-]+|[A-Z]+)[^`]*`")


def read_rows(command: str) -> list[tuple[list[str], str, str]]:
    """Returns the rows of a command's tables: flags, default, effect."""
    section = find_sections(PAGE)[f"`albert-embed {command}`"]
    return [(_FLAG.findall(flags), default, effect) for flags, default, effect in find_table_rows(section)]


def test_every_command_has_a_section() -> None:
    assert list(find_sections(PAGE)) == [f"`albert-embed {command}`" for command in COMMANDS]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_listed_once_and_no_other(command: str) -> None:
    listed = [flag for flags, _, _ in read_rows(command) for flag in flags]
    assert sorted(listed) == sorted(read_help(command))


@pytest.mark.parametrize("command", COMMANDS)
def test_values_and_defaults(command: str) -> None:
    for flags, default, effect in read_rows(command):
        if default == "as for `embed`":
            shared = {flag: read_help(command)[flag] for flag in flags}
            assert shared == {flag: read_help("embed")[flag] for flag in flags}
            continue
        for flag in flags:
            known = read_help(command)[flag]
            assert (default == "required") == known.required, flag
            assert default == "off" or not known.is_switch, flag
            assert [choice for choice in known.choices if f"`{choice}`" not in effect] == [], flag
            if known.default is not None:
                assert known.default in re.findall(r"[\w-]+", default), flag
