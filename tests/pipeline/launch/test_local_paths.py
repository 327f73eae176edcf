"""Paths of this machine, where the workers are other machines."""

from __future__ import annotations

from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.job.resolve_options import with_absolute_paths
from albert_embed.pipeline.launch.local_paths import refuse_local_paths
from albert_embed.pipeline.settings.embed_options import EmbedOptions

REMOTE = ["--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=DOCKER"]


@pytest.mark.parametrize("flag", ["--model", "--input", "--output", "--transform"])
@pytest.mark.parametrize("runner", [REMOTE, ["--runner=FlinkRunner", "--flink_master=host:8081"]])
def test_a_local_path_is_refused_on_a_remote_runner(flag: str, runner: list[str]) -> None:
    message = (
        rf"^{flag} /data/x is a path of this machine, which the workers of \w+ may not have: give a path in a bucket"
    )
    with pytest.raises(ValueError, match=message):
        refuse_local_paths(
            [("--model", "gs://b/m"), (flag, "/data/x")], PipelineOptions(runner), shared_filesystem=False
        )


@pytest.mark.parametrize(
    ("runner", "shared"),
    [
        (REMOTE, True),
        ([], False),
        (["--runner=PrismRunner"], False),
        (["--direct_num_workers=2", "--direct_running_mode=multi_processing"], False),
        (["--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=LOOPBACK"], False),
    ],
)
def test_it_passes_where_the_workers_see_it(runner: list[str], shared: bool) -> None:
    refuse_local_paths([("--input", "/data/x")], PipelineOptions(runner), shared_filesystem=shared)


@pytest.mark.parametrize(
    "path", ["gs://bucket/x", "s3://bucket/x", "https://tfhub.dev/google/albert_base/2", "bq:p:d.t", "", None]
)
def test_what_is_elsewhere_passes(path: str | None) -> None:
    refuse_local_paths([("--model", path)], PipelineOptions(REMOTE), shared_filesystem=False)


@pytest.mark.parametrize(
    "values",
    [
        {"--model": "model", "--input": "gs://b/in", "--output": "gs://b/out"},
        {"--model": "gs://b/model", "--input": "in.txt", "--output": "gs://b/out"},
        {"--model": "gs://b/model", "--input": "gs://b/in", "--output": "out"},
        {"--model": "gs://b/model", "--input": "gs://b/in", "--output": "gs://b/out", "--transform": "graph"},
    ],
)
@pytest.mark.parametrize("command", ["embed", "analyze"])
def test_the_command_writes_nothing_and_ends_with_2(
    command: str,
    values: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if command == "analyze":
        values = {flag: value for flag, value in values.items() if flag != "--transform"} | {"--cache": "cache"}
    monkeypatch.chdir(tmp_path)
    arguments = [word for flag, value in values.items() for word in (flag, value)]
    assert main([command, *arguments, *REMOTE]) == 2
    assert "is a path of this machine, which the workers of PortableRunner may not have" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["embed", "analyze"])
def test_the_built_in_model_comes_with_the_program(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is refused is the output alone, and `default` is no path below the current folder."""
    monkeypatch.chdir(tmp_path)
    assert main([command, "--model", "default", "--input", "gs://b/in", "--output", "out", *REMOTE]) == 2
    printed = capsys.readouterr().err
    assert "--output" in printed and "is a path of this machine" in printed
    assert "--model" not in printed
    options = EmbedOptions(model="default", input=("gs://b/in",), output="gs://b/out")
    assert with_absolute_paths(options).model == "default"


def test_a_table_alone_needs_a_temporary_location_that_workers_see(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "gs://b/m", "--input", "gs://b/in", "--output", "bq:project:dataset.table"]
    assert main(["embed", *arguments, "--temp_location", str(tmp_path), *REMOTE]) == 2
    assert f"--temp_location {tmp_path}/" in capsys.readouterr().err
