"""`--help`: what it says, and that it says so without importing anything heavy."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from albert_embed.model.hosting.cpu_batch_tokens import DEFAULT_TOKENS
from albert_embed.pipeline.cli.main import COMMANDS, main
from albert_embed.pipeline.console.command import COMMON_OPTIONS
from albert_embed.pipeline.launch.batch_tokens import GPU_BATCH_TOKENS
from albert_embed.pipeline.settings.analyze_options import AnalyzeOptions
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from tests.tiny_model import ROOT

HELP = """
import json, sys
from albert_embed.pipeline.cli.main import main
status = main(sys.argv[1:])
heavy = {"tensorflow", "apache_beam", "numpy", "pyarrow", "sentencepiece", "rich", "yaml"} & set(sys.modules)
print(json.dumps([status, sorted(heavy)]))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    command = [sys.executable, "-c", HELP, *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    *shown, last = result.stdout.splitlines()
    assert json.loads(last) == [0, []]
    assert shown[0].startswith("albert-embed " if arguments == ["--version"] else "usage: albert-embed ")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_every_option_with_its_default(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    words = " ".join(shown.split())
    for option in (*COMMANDS[name].options, *COMMON_OPTIONS):
        assert f" {option.flag} " in words
        assert f" {option.description} " in f"{words} "
        assert option.description.endswith(f" (default: {option.default})") == bool(option.default)
    assert words.count("default:") == sum(bool(option.default) for option in COMMANDS[name].options)


@pytest.mark.parametrize("columns", [50, 80, 200])
@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_is_readable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], columns: int
) -> None:
    """No line is wider than the terminal, no percent sign is doubled, and no default is Python's None."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if len(line) > columns] == []
    assert [word for word in ("%%", "None", "default: default", "(default: )") if word in shown] == []


def test_help_shows_a_percentage_as_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["embed", "--help"]) == 0
    assert "  --max-failures N|P%  " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        (
            "embed",
            [
                "input",
                "model",
                "from texts to tokens",
                "output",
                "incremental runs",
                "BigQuery",
                "running",
                "Dataflow",
                "result",
                "configuration",
                "Apache Beam",
            ],
        ),
        (
            "analyze",
            [
                "input",
                "model",
                "from texts to tokens",
                "output",
                "running",
                "result",
                "analysis",
                "configuration",
                "Apache Beam",
            ],
        ),
        ("inspect", ["arguments", "result", "configuration"]),
    ],
)
def test_help_is_in_groups(capsys: pytest.CaptureFixture[str], name: str, groups: list[str]) -> None:
    assert main([name, "--help"]) == 0
    titles = [line[:-1] for line in capsys.readouterr().out.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == ["options", *groups]


def test_every_setting_has_a_flag() -> None:
    """A field of the options that no flag sets could not be given on the command line."""
    embed = {option.name for option in COMMANDS["embed"].options}
    assert {field.name for field in dataclasses.fields(EmbedOptions)} - embed == {"table"}  # a part of --output
    analyze = {option.name for option in COMMANDS["analyze"].options}
    assert {field.name for field in dataclasses.fields(AnalyzeOptions)} - analyze == {"embed"}


def test_the_default_of_batch_tokens_is_the_one_that_is_chosen() -> None:
    default = next(option.default for option in COMMANDS["embed"].options if option.flag == "--batch-tokens")
    assert default == f"{DEFAULT_TOKENS:,} on a CPU, {GPU_BATCH_TOKENS:,} on a GPU"


HELP_WORDS = ("help", "--help", "-h")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_wherever_the_word_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([name, "--help"]) == 0
    expected = capsys.readouterr().out
    assert expected.startswith(f"usage: albert-embed {name}")
    for arguments in [*([word, name] for word in HELP_WORDS), [name, "help"], ["help", name, "--json"]]:
        assert main(arguments) == 0
        assert capsys.readouterr().out == expected


def test_the_usage_of_search_names_the_query(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--help"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "usage: albert-embed search DIR [QUERY] [options]"


@pytest.mark.parametrize("arguments", [["help"], ["--help"], ["-h"], ["help", "help"], ["help", "--help"]])
def test_help_of_all_commands(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: albert-embed COMMAND [options]") and all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("word", HELP_WORDS)
def test_help_of_no_command_names_the_nearest(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert main([word, "serch"]) == 2
    said = capsys.readouterr().err
    assert "albert-embed: unknown command 'serch'; the nearest of " in said and said.endswith(" is search\n")


def test_a_folder_may_be_called_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "help").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", "help"]) == 2
    assert capsys.readouterr().err.startswith("albert-embed inspect: help holds no manifest.json")
    assert main(["embed", "help"]) == 0  # which takes nothing by its position
    assert capsys.readouterr().out.startswith("usage: albert-embed embed ")
