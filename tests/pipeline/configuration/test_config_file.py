"""`--config FILE`: what it may hold for each command, and what it is refused for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.cli.main import COMMANDS, main
from albert_embed.pipeline.configuration.config_file import read_config_file
from albert_embed.pipeline.console.command import Arguments
from albert_embed.pipeline.console.option import Kind
from tests.pipeline.cli.test_output import run_program
from tests.pipeline.console.test_option import FLAGS, complete, make_values


def parse(tmp_path: Path, command: str, text: str, *arguments: str) -> Arguments:
    """Parses a command line with a file beside it."""
    file = tmp_path / "run.yaml"
    file.write_text(text)
    called = COMMANDS[command]
    shared = COMMANDS[called.shares_config_with].options if called.shares_config_with else ()
    config = read_config_file(str(file), called, shared=shared).complete(arguments)
    return called.parse([*arguments, "--config", str(file)], config)


def refuse(capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, text: str, *arguments: str) -> str:
    """Runs a command with a file that must be refused; gives the message, without the folder of the file."""
    (tmp_path / "run.yaml").write_text(text)
    assert main([command, "--config", str(tmp_path / "run.yaml"), *arguments]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    return message.removeprefix(f"albert-embed {command}: ").replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(("command", "option"), FLAGS)
@pytest.mark.parametrize("underscores", [False, True])
def test_every_flag_of_every_command(command: Any, option: Any, underscores: bool, tmp_path: Path) -> None:
    value = make_values(option)[0]
    key = option.flag.lstrip("-")
    text = f"{key.replace('-', '_') if underscores else key}: {'true' if option.kind is Kind.SWITCH else value}\n"
    arguments = complete(command, option, [])
    given = [option.flag] if option.kind is Kind.SWITCH else [option.flag, value]
    expected = command.parse([*arguments, *given]).values
    assert parse(tmp_path, command.name, text, *arguments).values == expected


def test_the_command_line_wins(tmp_path: Path) -> None:
    text = (
        "model: file\ninput: [a, b]\noutput: o\nmax-tokens: 5\noverwrite: true\nkeep-fields: [x, y]\n"
        "no-wait: yes\nrunner: FlinkRunner\nexperiments: [e1, e2]\nuse_public_ips: false\nnum-workers: 3\n"
    )
    found = parse(tmp_path, "embed", text)
    assert found.values == {
        "model": "file",
        "input": ("a", "b"),
        "output": ("o",),
        "max_tokens": 5,
        "overwrite": True,
        "keep_fields": ("x", "y"),
        "no_wait": True,
    }
    assert found.beam == (
        "--runner=FlinkRunner",
        "--experiments=e1",
        "--experiments=e2",
        "--no_use_public_ips",
        "--num_workers=3",
    )
    given = ["--model", "line", "--input", "c", "--max-tokens=6", "--no-overwrite", "--wait", "--keep-fields", "z"]
    found = parse(tmp_path, "embed", text, *given, "--runner", "DirectRunner", "--experiment", "e3", "--use_public_ips")
    assert found.values == {
        "model": "line",
        "input": ("c",),
        "output": ("o",),
        "max_tokens": 6,
        "overwrite": False,
        "keep_fields": ("z",),
        "no_wait": False,
    }
    assert found.beam == (
        "--num_workers=3",
        "--runner",
        "DirectRunner",
        "--experiment",
        "e3",
        "--use_public_ips",
    )


@pytest.mark.parametrize("word", ["true", "True", "yes", "on", "'true'"])
def test_switches_that_are_on(tmp_path: Path, word: str) -> None:
    assert parse(tmp_path, "inspect", f"json: {word}\ndir: d\n").values == {"json": True, "directory": "d"}


@pytest.mark.parametrize("word", ["false", "False", "no", "off"])
def test_switches_that_are_off(tmp_path: Path, word: str) -> None:
    text = f"model: m\noutput: o\noverwrite: {word}\nstreaming: {word}\nmax-tokens: null\nregion: ~\n"
    found = parse(tmp_path, "embed", text)
    assert found.values == {"model": "m", "output": ("o",), "overwrite": False}
    assert found.beam == ()


def test_values_that_begin_with_a_hyphen(tmp_path: Path) -> None:
    assert parse(tmp_path, "embed", "model: -m\ninput: '-'\noutput: --o\n").values == {
        "model": "-m",
        "input": ("-",),
        "output": ("--o",),
    }


@pytest.mark.parametrize(
    ("text", "arguments", "values"),
    [
        ("dir: d\nquery: q\n", [], {"directory": "d", "query": "q"}),
        ("dir: d\n", ["q"], {"directory": "d", "query": "q"}),
        ("dir: d\n", ["e", "q"], {"directory": "e", "query": "q"}),
        ("query: q\n", ["d"], {"directory": "d", "query": "q"}),
        ("dir: d\nquery: q\n", ["e", "r"], {"directory": "e", "query": "r"}),
    ],
)
def test_positional_arguments(tmp_path: Path, text: str, arguments: list[str], values: dict[str, str]) -> None:
    assert parse(tmp_path, "search", text, *arguments).values == values


def test_positional_arguments_that_could_mean_two_things(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert refuse(capsys, tmp_path, "search", "dir: d\nquery: q\n", "r") == (
        "the file gives DIR and QUERY; on the command line give all of DIR QUERY, or only what the file does not"
    )


def test_one_file_for_embed_and_analyze(tmp_path: Path) -> None:
    text = "model: m\ninput: i\noutput: o\nsink: parquet\nmax_failures: 1%\nplan: true\nrunner: DirectRunner\n"
    found = parse(tmp_path, "analyze", text, "--output", "a")
    assert found.values == {"model": "m", "input": ("i",), "output": ("a",), "plan": True}
    shown = run_program("analyze", "--config", f"{tmp_path}/run.yaml", "--print-config").stderr.decode()
    assert shown == (
        f"INFO albert_embed.pipeline.cli.main: {tmp_path}/run.yaml: analyze can't use these, which were left out: "
        "sink, max_failures\n"
    )
    found = parse(tmp_path, "embed", text)
    assert found.values == {
        "model": "m",
        "input": ("i",),
        "output": ("o",),
        "sinks": ("parquet",),
        "max_failures": "1%",
    }
    assert found.beam == ("--runner=DirectRunner",)


@pytest.mark.parametrize(
    ("command", "text", "message"),
    [
        ("embed", "model: m\nbatchtokens: 1\n", "run.yaml, line 2: unknown key batchtokens; the nearest known "),
        ("embed", "runer: x\n", "run.yaml, line 1: unknown key runer; the nearest known one is runner"),
        ("embed", "k: 3\n", "run.yaml, line 1: unknown key k; the nearest known one is "),
        ("search", "sink: x\n", "run.yaml, line 1: unknown key sink; the nearest known one is "),
        ("search", "runner: x\n", "run.yaml, line 1: unknown key runner; the nearest known one is "),
        ("embed", "config: x\n", "run.yaml, line 1: config is for the command line only; leave the line out"),
        ("export", "print-config: x\n", "run.yaml, line 1: print-config is for the command line only; leave the line"),
        ("embed", "max-tokens: many\n", "run.yaml, line 1: --max-tokens is 'many': give a whole number"),
        ("embed", "max-tokens: 1e6\n", "run.yaml, line 1: --max-tokens is '1e6': give a whole number"),
        ("embed", "max-tokens: 1.0\n", "run.yaml, line 1: --max-tokens is '1.0': give a whole number"),
        ("embed", "max-tokens: [5]\n", "run.yaml, line 1: max-tokens is a list; it takes one value"),
        ("embed", "shard-seconds: 3:30\n", "run.yaml, line 1: --shard-seconds is '3:30': give a number"),
        ("embed", "format: no\n", "run.yaml, line 1: --format is 'no': choose from text, jsonl, json, csv, tsv, parq"),
        ("embed", "sink: [tfrecord, parket]\n", "run.yaml, line 1: --sink is 'parket': choose from tfrecord, parq"),
        ("embed", "overwrite: 1\n", "run.yaml, line 1: overwrite is '1'; give true or false"),
        ("embed", "overwrite: [true]\n", "run.yaml, line 1: overwrite is a list; it takes one value"),
        ("embed", "streaming: maybe\n", "run.yaml, line 1: streaming is 'maybe'; give true or false"),
        ("embed", "runner: [a, b]\n", "run.yaml, line 1: --runner is given twice, as 'a' and 'b'; give it once"),
        ("embed", "\nnum_workers: many\n", "run.yaml, line 2: argument --num_workers: invalid int value: 'many'"),
        (
            "embed",
            "experiment: a\nexperiments: b\n",
            "run.yaml, line 2: experiments is another name for what is given already; give it once",
        ),
        ("embed", "model: m\n", "--output is missing"),
    ],
)  # fmt: skip
def test_what_a_file_is_refused_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str, text: str, message: str
) -> None:
    assert refuse(capsys, tmp_path, command, text).startswith(message)


def test_a_file_that_is_not_there_or_given_twice(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["inspect", "--config", f"{tmp_path}/none.yaml"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"albert-embed inspect: --config {tmp_path}/none.yaml can't be read: No such file or directory; give a file "
        "that is there"
    )
    (tmp_path / "a.yaml").write_text("dir: d\n")
    path = f"{tmp_path}/a.yaml"
    assert main(["inspect", "--config", path, f"--config={path}"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"albert-embed inspect: --config is given twice, as {path!r} and {path!r}; give it once"
    )
