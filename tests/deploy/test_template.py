"""The Flex Template: its parameters are the options of `embed`, and the launcher makes its command line of them."""

from __future__ import annotations

import json
import re

import pytest

from albert_embed.pipeline.cli.embed import EMBED, make_embed_options
from albert_embed.pipeline.console.option import Kind
from tests.deploy.programs import DEPLOY, load_program

FOLDER = DEPLOY / "dataflow"
METADATA = json.loads((FOLDER / "metadata.json").read_text(encoding="utf-8"))
PARAMETERS = {parameter["name"]: parameter for parameter in METADATA["parameters"]}
LAUNCH = load_program(FOLDER / "launch.py")


def test_every_option_is_a_parameter() -> None:
    left_out = {option.flag for option in EMBED.options if option.name not in PARAMETERS}
    assert left_out == {"--compact-above", "--dry-run", "--json", "--no-wait", "--progress"}
    assert {name for name, parameter in PARAMETERS.items() if not parameter["isOptional"]} == {"model", "output"}
    for name, parameter in PARAMETERS.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert parameter["label"] and parameter["helpText"].endswith(".")


VALUES = {
    "batch_tokens": ("512", "many"),
    "shard_seconds": ("2.5", "soon"),
    "overwrite": ("true", "yes"),
    "engine": ("auto", "steam"),
    "max_failures": ("1%", " "),
    "gpu_pool": ("inference", "half"),
}


@pytest.mark.parametrize("name", VALUES)
def test_the_patterns_take_what_the_program_takes(name: str) -> None:
    (pattern,) = PARAMETERS[name]["regexes"]
    good, bad = VALUES[name]
    assert re.fullmatch(pattern, good) and not re.fullmatch(pattern, bad)


def test_every_choice_is_taken() -> None:
    for option in EMBED.options:
        if option.choices and option.name in PARAMETERS and option.kind is Kind.SINGLE:
            (pattern,) = PARAMETERS[option.name]["regexes"]
            assert [choice for choice in option.choices if not re.fullmatch(pattern, choice)] == []


def test_parameters_become_the_command_line() -> None:
    command = LAUNCH.make_command(
        [
            "--model=gs://bucket/model",
            "--input=gs://bucket/a/*.txt 'gs://bucket/b c/*.txt'",
            "--output=gs://bucket/out",
            "--keep_fields=year:int64,title",
            "--embeddings=mean",
            "--overwrite=true",
            "--tokens=false",
            "--query=",
            "--max_failures=1%",
            "--runner=DataflowRunner",
            "--template_location=gs://bucket/staging/template",
            "--experiments=one,two",
            "--number_of_worker_harness_threads=3",
        ]
    )
    assert command == [
        "embed",
        "--model=gs://bucket/model",
        "--input=gs://bucket/a/*.txt",
        "--input=gs://bucket/b c/*.txt",
        "--output=gs://bucket/out",
        "--keep-fields=year:int64,title",
        "--embeddings=mean",
        "--overwrite",
        "--max-failures=1%",
        "--runner=DataflowRunner",
        "--template_location=gs://bucket/staging/template",
        "--experiments=one,two",
        "--number_of_worker_harness_threads=3",
    ]
    options = make_embed_options(EMBED.parse(command[1:]))
    assert options.input == ("gs://bucket/a/*.txt", "gs://bucket/b c/*.txt")
    assert (options.overwrite, options.tokens, options.keep_fields) == (True, False, ("year:int64", "title"))


def test_a_switch_is_true_or_false() -> None:
    with pytest.raises(SystemExit, match="the parameter overwrite is 'yes': give true or false"):
        LAUNCH.make_command(["--overwrite=yes"])


def test_a_list_whose_quotes_do_not_close_is_said() -> None:
    with pytest.raises(SystemExit, match=r"^the parameter input is \"'gs://b/c d\": No closing quotation; put quotes"):
        LAUNCH.make_command(["--input='gs://b/c d"])
