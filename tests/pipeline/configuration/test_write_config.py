"""`--print-config`: what it prints gives the same options again."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_embed.pipeline.cli.main import COMMANDS, main
from albert_embed.pipeline.configuration.config_file import read_config_file
from albert_embed.pipeline.configuration.write_config import describe_config
from albert_embed.pipeline.console.command import Arguments, Command
from albert_embed.pipeline.console.option import Kind, Option

# What YAML reads as something else, and what it can't hold as it is.
_TRAPS = ("no", "null", "~", "1e6", "010", "3:30", "2026-01-01", "-", "- a", "a: b", "# a", "=", "<<", "", " ", "a\n b")
TEXTS = st.one_of(st.sampled_from(_TRAPS), st.text(max_size=20), st.integers().map(str), st.floats().map(str))
PATHS = TEXTS.map(lambda text: re.sub(r"[\x00-\x1f\x7f-\x9f]", "", text) or "a")


def give_option(option: Option) -> st.SearchStrategy[list[Any]]:
    """Occurrences of an option, as argparse finds them."""
    texts = TEXTS if option.place is None else PATHS
    one = st.sampled_from(option.choices) if option.choices else texts
    if option.kind is Kind.SWITCH:
        return st.booleans().map(lambda value: [value])
    if option.kind is Kind.WORDS:
        return st.lists(st.lists(one, min_size=1, max_size=3), min_size=1, max_size=2)
    if option.kind is Kind.COMMAS:
        return st.lists(one, min_size=1, max_size=3)
    if option.type in (int, float):
        numbers = st.integers() if option.type is int else st.floats(allow_nan=False)
        return numbers.map(lambda value: [str(value)])
    return one.map(lambda value: [value])


def give_arguments(command: Command) -> st.SearchStrategy[Arguments]:
    required = {option.name: give_option(option) for option in command.options if option.required}
    optional = {option.name: give_option(option) for option in command.options if not option.required}
    options = {option.name: option for option in command.options}
    beam = st.lists(
        st.sampled_from(["--runner=no", "--num_workers=3", "--streaming", "--no_use_public_ips", "--region=1e6"]),
        unique=True,
    )
    experiments = st.lists(st.sampled_from(["a", "no", "1e6", "null", "b: c", "7"]), unique=True)
    return st.tuples(st.fixed_dictionaries(required, optional=optional), beam, experiments).map(
        lambda found: Arguments(
            values={name: options[name].read(occurrences) for name, occurrences in found[0].items()},
            occurrences=found[0],
            beam=tuple([*found[1], *(f"--experiments={each}" for each in found[2])])
            if command.takes_beam_options
            else (),
        )
    )


@pytest.mark.parametrize("name", COMMANDS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_printed_gives_the_same_options(name: str, data: st.DataObject) -> None:
    command = COMMANDS[name]
    arguments = data.draw(give_arguments(command))
    (text,) = describe_config(command, arguments).blocks
    assert isinstance(text, str)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        again = command.parse([], read_config_file(file.name, command).complete())
    assert again.values == arguments.values
    assert sorted(again.beam) == sorted(arguments.beam)


def test_what_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("dir: 'no'\nquery: What is this?\n")
    assert main(["search", "--config", str(file), "-k", "5", "--print-config"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "# albert-embed search --config FILE"
    assert [line for line in lines if line[0] != "#"] == ["dir: 'no'", "query: What is this?", "k: 5"]
    unset = {line for line in lines if line[0] == "#"}
    assert len(unset) == len(COMMANDS["search"].options) - 3
    assert unset >= {"# queries:", "# metric: cosine", "# json: false"}


def test_nothing_is_run_or_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    arguments = ["--model", "/nowhere", "--input", "*.txt", "--output", f"{tmp_path}/o", "--result-file", str(result)]
    flags = ["--runner", "DataflowRunner", "--experiments", "a", "--experiments=b", "--streaming", "--print-config"]
    assert main(["embed", *arguments, *flags]) == 0
    assert list(tmp_path.iterdir()) == []
    assert yaml.safe_load(capsys.readouterr().out) == {
        "model": "/nowhere",
        "input": ["*.txt"],
        "output": [f"{tmp_path}/o"],
        "result-file": str(result),
        "runner": "DataflowRunner",
        "experiments": ["a", "b"],
        "streaming": True,
    }


def test_the_configuration_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "d", "--head", "3", "--print-config", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "status": "configuration",
        "exit_status": 0,
        "command": "inspect",
        "config": {"dir": "d", "head": 3, "json": True},
    }


def test_secrets_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "m", "--output", "o", "--s3_secret_access_key", "hush", "--s3_access_key_id", "me"]
    assert main(["embed", *arguments, "--print-config"]) == 0
    shown = capsys.readouterr().out
    assert "hush" not in shown
    assert shown.endswith("s3-access-key-id: me\n# s3-secret-access-key is left out, because it is a secret\n")


def test_the_file_says_how_results_are_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        f"json: true\nresult-file: {tmp_path}/result.json\nmodel: /nowhere\ninput: i\noutput: {tmp_path}/o\n"
    )
    assert main(["embed", "--config", str(file)]) == 2
    line = capsys.readouterr().out
    assert json.loads(line)["error"].startswith("FileNotFoundError: --input ")
    assert (tmp_path / "result.json").read_text() == line
    assert main(["embed", "--config", str(file), "--no-json"]) == 2
    assert capsys.readouterr().out == ""
