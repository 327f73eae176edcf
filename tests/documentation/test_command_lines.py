"""Every `albert-embed` command line of the documentation is one that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from albert_embed.pipeline.cli.main import COMMANDS
from albert_embed.pipeline.console.beam_arguments import list_beam_flags
from albert_embed.pipeline.console.usage_error import UsageError
from tests.documentation.pages import CURRENT_PAGES, find_prose, list_code_blocks, name_page

# The first are the program's own; the rest are flags of `python -m benchmarks`.
_FLAGS_OF_OTHERS = {
    "--job-host",
    "--number_of_execution_retries",
    "--worker_pool",
    "--checkpointing_interval",
    "--help",
    "--version",
    "--print-completion",
    "--mode",
    "--rounds",
    "--rows",
    "--limit",
    "--model-size",
    "--peers-python",
    "--corpus",
    "--stages",
}
_FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def list_command_lines(code: str) -> list[list[str]]:
    """Returns the arguments of each `albert-embed` command in a block of shell code."""
    lines = code.replace("\\\n", " ").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines]
    return [command[1:] for command in commands if command and command[0] == "albert-embed"]


COMMAND_LINES = [
    pytest.param(arguments, id=f"{block} {arguments[0]}")
    for block in list_code_blocks("sh")
    for arguments in list_command_lines(block.code)
]


@pytest.mark.parametrize("arguments", COMMAND_LINES)
def test_command_lines_parse(arguments: list[str]) -> None:
    COMMANDS[arguments[0]].parse(arguments[1:])


def test_there_is_a_command_line_for_every_command() -> None:
    commands = {arguments[0] for block in list_code_blocks("sh") for arguments in list_command_lines(block.code)}
    assert commands == set(COMMANDS)


@pytest.mark.parametrize(
    "line",
    [
        "albert-embed embed --model m --input i --output o --embedings mean",
        "albert-embed embed --model m --input i --output o --engine onnx",
        "albert-embed embed --input i --output o",
        "albert-embed embed --model m --input i --output o --overwrite more",
        "albert-embed compact o --runner DataflowRunner",
    ],
)
def test_wrong_command_lines_are_found(line: str) -> None:
    (arguments,) = list_command_lines(line)
    with pytest.raises(UsageError):
        COMMANDS[arguments[0]].parse(arguments[1:])


def test_comments_and_continued_lines() -> None:
    code = (
        "pip install .\nalbert-embed inspect \\\n  DIR  # all of it\n# albert-embed none\nalbert-embed compact 'a b'\n"
    )
    assert list_command_lines(code) == [["inspect", "DIR"], ["compact", "a b"]]


@pytest.mark.parametrize("page", CURRENT_PAGES, ids=name_page)
def test_flags_in_running_text_exist(page: Path) -> None:
    own = {flag for command in COMMANDS.values() for flag in command.flags}
    assert set(_FLAG.findall(find_prose(page))) - own - list_beam_flags() - _FLAGS_OF_OTHERS == set()
