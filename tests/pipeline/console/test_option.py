"""Options: what a repetition of a flag means, by its kind, for every flag of every command."""

from __future__ import annotations

from pathlib import Path

import pytest

from albert_embed.pipeline.cli.main import COMMANDS, main
from albert_embed.pipeline.console.command import Command
from albert_embed.pipeline.console.option import Kind, Option
from albert_embed.pipeline.console.usage_error import UsageError

FLAGS = [
    pytest.param(command, option, id=f"{command.name} {option.flag}")
    for command in COMMANDS.values()
    for option in command.options
    if not option.is_positional
]


def make_values(option: Option) -> tuple[str, str]:
    """Two values that the flag takes."""
    if option.choices:
        return option.choices[0], option.choices[1]
    return {int: ("3", "4"), float: ("1.5", "2.5")}.get(option.type, ("first", "second"))


def complete(command: Command, option: Option, arguments: list[str]) -> list[str]:
    """`arguments`, and whatever else the command requires."""
    for other in command.options:
        if other.required and other is not option:
            arguments = [*([] if other.is_positional else [other.flag]), "else", *arguments]
    return arguments


@pytest.mark.parametrize(("command", "option"), FLAGS)
@pytest.mark.parametrize("joined", [False, True])
def test_flags_given_twice(command: Command, option: Option, joined: bool) -> None:
    first, second = make_values(option)

    def give(value: str) -> list[str]:
        return [f"{option.flag}={value}"] if joined else [option.flag, value]

    if option.kind is Kind.SWITCH:
        values = command.parse(complete(command, option, [option.flag, option.flag])).values
        assert values[option.name] is True
    elif option.kind is Kind.SINGLE:
        message = f"^{option.flag} is given twice, as '{first}' and '{second}'; give it once$"
        with pytest.raises(UsageError, match=message):
            command.parse(complete(command, option, [*give(first), *give(second)]))
        assert str(command.parse(complete(command, option, give(second))).values[option.name]) == second
    else:
        values = command.parse(complete(command, option, [*give(first), *give(second)])).values
        assert values[option.name] == (first, second)


@pytest.mark.parametrize(("command", "option"), FLAGS)
def test_switches_can_be_turned_off(command: Command, option: Option) -> None:
    flags = ["--no-" + option.flag[2:], "--" + option.flag[5:]]
    if option.kind is not Kind.SWITCH:
        with pytest.raises(UsageError, match=rf"^unknown flag {flags[0]}; "):
            command.parse(complete(command, option, [flags[0]]))
        return
    assert option.negation == flags[option.flag.startswith("--no-")]
    assert command.parse(complete(command, option, [option.negation] * 2)).values[option.name] is False
    with pytest.raises(UsageError, match=f"^{option.flag} and {option.negation} are both given; give one of them$"):
        command.parse(complete(command, option, [option.flag, option.negation]))


def test_kinds_are_what_people_take_them_for() -> None:
    kinds = {option.flag: option.kind for option in COMMANDS["embed"].options}
    assert {flag for flag, kind in kinds.items() if kind is Kind.WORDS} == {"--input", "--output"}
    assert {flag for flag, kind in kinds.items() if kind is Kind.COMMAS} == {"--embeddings", "--sink", "--keep-fields"}


def test_lists_accumulate_over_all_ways_to_give_them() -> None:
    arguments = ["--model", "m", "--output", "o", "--input", "a", "b", "--keep-fields", "c, d", "--input=e"]
    values = COMMANDS["embed"].parse([*arguments, "--keep-fields=f"]).values
    assert values["input"] == ("a", "b", "e")
    assert values["keep_fields"] == ("c", "d", "f")


def test_more_than_two_values() -> None:
    option = Option(flag="--model", help="")
    with pytest.raises(UsageError, match=r"^--model is given 3 times, as 'a', 'b' and 'a'; give it once$"):
        option.read(["a", "b", "a"])


def test_a_flag_that_may_stand_alone() -> None:
    arguments = ["--model", "m", "--output", "o", "--vector-index"]
    assert COMMANDS["embed"].parse(arguments).values["vector_index"] == "print"
    with pytest.raises(UsageError, match=r"^--vector-index is given twice, as 'print' and 'run'; give it once$"):
        COMMANDS["embed"].parse([*arguments, "--vector-index", "run"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--runner", "A", "--runner", "B"], "--runner is given twice, as 'A' and 'B'; give it once"),
        (["--runner=A", "--streaming", "--runner", "B"], "--runner is given twice, as 'A' and 'B'; give it once"),
        (["--direct_num_workers", "1", "--direct_num_workers=2"], "--direct_num_workers is given twice, as '1' and"),
    ],
)
def test_flags_of_beam_that_would_be_overwritten(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, flags: list[str], message: str
) -> None:
    assert main(["embed", "--model", "m", "--input", "x", "--output", str(tmp_path / "out"), *flags]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"albert-embed embed: {message}")


def test_lists_of_beam_accumulate() -> None:
    flags = ("--experiments=a", "--experiments", "b", "--streaming", "--streaming")
    assert COMMANDS["embed"].parse(["--model", "m", "--output", "o", *flags]).beam == flags


def test_two_directories_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "--model", "m", "--input", "x", "--output", "a", "--output", "b"]) == 2
    message = "albert-embed embed: --output takes one directory, one table, or one of each, not a b"
    assert capsys.readouterr().err.splitlines()[-1] == message
