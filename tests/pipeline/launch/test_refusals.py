"""What is refused before a Dataflow job is started, and before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dry_run.problems import Problems
from albert_embed.pipeline.launch.prepare_launch import IMAGE_VARIABLE, prepare_launch
from albert_embed.pipeline.settings.runner import check_runner
from tests.pipeline.launch.test_worker_settings import DATAFLOW, IMAGE, ONE_PROCESS, make_options

L4 = "worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver"
HINT = "accelerator=type:nvidia-l4;count:1;install-nvidia-driver"
SERVICE, HINTS = "--dataflow_service_options", "--resource_hints"


def replace(flag: str, value: str) -> list[str]:
    """Returns the flags with another value of one of them; without it if the value is empty."""
    flags = list(DATAFLOW)
    place = flags.index(flag)
    flags[place : place + 2] = [flag, value] if value else []
    return flags


@pytest.fixture(autouse=True)
def _no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(IMAGE_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (replace("--project", ""), "Dataflow needs a project; give its id with --project"),
        (replace("--project", "123456"), "--project is '123456', which is no project's id"),
        (replace("--project", "My Project"), "--project is 'My Project', which is no project's id"),
        (replace("--region", "us-central1-a"), "which is a zone; give the region us-central1, and --worker_zone"),
        (replace("--region", "US"), "--region is 'US', which is no region; give one such as us-central1"),
        (replace("--region", "us_central1"), "--region is 'us_central1', which is no region"),
        ([*DATAFLOW, "--worker_zone", "us-central1"], "--worker_zone is 'us-central1', which is no zone"),
        ([*DATAFLOW, "--worker_region", "a b"], "--worker_region is 'a b', which is no region"),
        (
            [*DATAFLOW, "--worker_zone", "us-central1-a", "--worker_region", "us-central1"],
            "--worker_zone and --worker_region exclude each other",
        ),
        (replace("--temp_location", ""), "Dataflow needs a folder for temporary files; give --temp_location gs://"),
        (
            replace("--temp_location", "/tmp/here"),
            "--temp_location is '/tmp/here'; Dataflow needs a folder in a",
        ),
        (replace("--temp_location", "gs://My_Bucket/tmp"), "whose bucket 'My_Bucket' can't exist"),
        (replace("--temp_location", "gs:///tmp"), "whose bucket '' can't exist"),
        (
            [*DATAFLOW, "--staging_location", "gs://b/x"],
            "--staging_location is 'gs://b/x', whose bucket 'b'",
        ),
        (
            [*replace("--temp_location", ""), "--staging_location", "/tmp/here"],
            "--staging_location is '/tmp/here'; Dataflow needs a folder in a bucket",
        ),
        ([*DATAFLOW, "--job_name", "My Job"], "--job_name is 'My Job'; give small letters"),
        (
            [*DATAFLOW, "--num_workers", "5", "--max_num_workers", "3"],
            "--num_workers 5 is more than",
        ),
        (
            [*DATAFLOW, "--s3_secret_access_key", "x"],
            "--s3_secret_access_key would be shown on",
        ),
        ([*DATAFLOW, "--s3_session_token", "x"], "--s3_session_token would be shown on the"),
        ([*DATAFLOW, "--azure_connection_string", "x"], "--azure_connection_string would be shown on the"),
        ([*DATAFLOW, "--max_num_workers", "0"], "--max_num_workers must be at least 1, not 0"),
        (
            [*DATAFLOW, "--setup_file", "./nowhere/setup.py"],
            "--setup_file is './nowhere/setup.py', and there",
        ),
        (
            [*DATAFLOW, "--requirements_file", "nowhere.txt"],
            "--requirements_file is 'nowhere.txt', and there",
        ),
        ([*DATAFLOW, "--extra_package", "nowhere.whl"], "--extra_package is 'nowhere.whl', and there is no such file"),
    ],
)
def test_what_dataflow_needs(flags: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError) as raised:
        prepare_launch(make_options(), PipelineOptions(flags))
    assert message in str(raised.value)


def test_a_missing_region_is_gclouds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_COMPUTE_REGION", "europe-west12")
    options = PipelineOptions(replace("--region", ""))
    prepare_launch(make_options(), options)
    assert options.get_all_options()["region"] == "europe-west12"


def test_a_staging_folder_alone_is_enough() -> None:
    prepare_launch(
        make_options(), PipelineOptions([*replace("--temp_location", ""), "--staging_location", "gs://abc/x"])
    )


@pytest.mark.parametrize("path", ["gs://Bucket/x", "gs://a..b/x", "gs://-bucket/x", f"gs://{'b' * 64}/x"])
@pytest.mark.parametrize("name", ["model", "output", "input", "transform"])
def test_every_bucket_is_checked(name: str, path: str) -> None:
    with pytest.raises(ValueError, match=rf"^--{name} is '{path}', whose bucket"):
        prepare_launch(make_options(**{name: (path,) if name == "input" else path}), PipelineOptions(DATAFLOW))


@pytest.mark.parametrize(
    ("gpu", "pool", "flags", "message"),
    [
        ("l4", "whole", [], "--gpu l4:1 needs an image that has CUDA's libraries"),
        ("l4", "inference", [], "--gpu l4:1 needs an image"),
        (None, "whole", [SERVICE, L4], f"{SERVICE} {L4} needs an image"),
        (None, "whole", [HINTS, HINT], f"{HINTS} {HINT} needs an image"),
        (None, "whole", [HINTS, "beam:resources:accelerator:v1=type:nvidia-l4"], "needs an image"),
        (None, "whole", [f"{SERVICE}=a,{L4},b"], f"{SERVICE} {L4} needs an image"),
        (None, "whole", ["--resource_hint", "accelerator=type:nvidia-l4"], "needs an image"),
        (None, "whole", ["--resource_hint=accelerator=type:nvidia-tesla-t4; count:1"], "needs an image"),
        (None, "whole", ["--experiments", L4], f"--experiments {L4} needs an image"),
        ("l4", "whole", [*IMAGE, HINTS, HINT], "both ask for GPUs; leave one of them out"),
        ("l4", "inference", [*IMAGE, SERVICE, L4], "both ask for GPUs; leave one of them out"),
        ("l4", "inference", [*IMAGE, HINTS, HINT], "both ask for GPUs; leave one of them out"),
        ("t4", "whole", [*IMAGE, SERVICE, L4], "both ask for GPUs; leave one of them out"),
        ("l4:2", "whole", [*IMAGE, SERVICE, L4], "both ask for GPUs; leave one of them out"),
        ("l4", "whole", [*IMAGE, HINTS, "min_ram=8GB"], "--gpu-pool whole gives every worker a GPU"),
        (None, "whole", [*IMAGE, SERVICE, L4, HINTS, "min_ram=8GB"], "Dataflow takes only one of the two"),
        (None, "whole", [*IMAGE, SERVICE, L4, HINTS, HINT], "Dataflow takes only one of the two"),
        ("l4", "inference", [*IMAGE, "--flexrs_goal", "COST_OPTIMIZED"], "does not go with --gpu-pool inference"),
        (
            None,
            "whole",
            [HINTS, "min_ram=8GB", "--flexrs_goal", "COST_OPTIMIZED"],
            "not go with --resource_hints",
        ),
        (
            None,
            "whole",
            [*IMAGE, SERVICE, f"{L4};use_nvidia_mps", "--experiments", ONE_PROCESS],
            "use_nvidia_mps shares a GPU among processes",
        ),
        (
            None,
            "whole",
            [*IMAGE, SERVICE, "worker_accelerator=type:nvidia-l4;count:2;use_nvidia_mps"],
            "use_nvidia_mps works with one GPU on each worker",
        ),
        (None, "whole", [*IMAGE, SERVICE, "worker_accelerator=type:nvidia-l4;count:0"], "has count:0; give the number"),
        (None, "whole", [*IMAGE, SERVICE, "worker_accelerator=count:1"], "count:1 names no GPU; give such as type:"),
        (None, "whole", [*IMAGE, HINTS, "accelerator=type:;count:1"], "names no GPU; give such as type:nvidia-l4"),
        (
            None,
            "whole",
            [*IMAGE, SERVICE, L4, "--experiments", "worker_accelerator=type:nvidia-tesla-t4;count:1"],
            f"{SERVICE} {L4} and --experiments worker_accelerator=type:nvidia-tesla-t4;count:1 ask for different GPUs",
        ),
        (
            None,
            "whole",
            [*IMAGE, HINTS, HINT, HINTS, "accelerator=type:nvidia-l4;count:2"],
            f"{HINTS} {HINT} and {HINTS} accelerator=type:nvidia-l4;count:2 ask for different GPUs",
        ),
        (
            "l4",
            "whole",
            [*IMAGE, "--experiments", f"{ONE_PROCESS},use_multiple_sdk_containers"],
            f"--experiments has {ONE_PROCESS} and use_multiple_sdk_containers; leave one of them out",
        ),
        (
            "l4",
            "whole",
            [*IMAGE, "--machine_type", "n1-standard-8"],
            "can't have a NVIDIA L4; give one of the",
        ),
        (
            "l4:2",
            "whole",
            [*IMAGE, "--worker_machine_type", "g2-standard-4"],
            "--machine_type is g2-standard-4, which has 1 NVIDIA L4, and --gpu l4:2 asks for 2; leave one of them out",
        ),
        (
            "a100",
            "whole",
            [*IMAGE, "--machine_type", "a2-highgpu-2g"],
            "which has 2 NVIDIA A100 40 GB, and --gpu a100:1 asks for 1",
        ),
        (None, "whole", [*IMAGE, SERVICE, L4, "--machine_type", "a2-highgpu-1g"], "give one of the family g2"),
        ("l5", "whole", IMAGE, "--gpu is 'l5': choose from"),
    ],
)
def test_what_excludes_each_other(gpu: str | None, pool: str, flags: list[str], message: str) -> None:
    with pytest.raises(ValueError) as raised:
        prepare_launch(make_options(gpu=gpu, gpu_pool=pool), PipelineOptions([*DATAFLOW, *flags]))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "hint", ["accelerator", "gpu=1", "min_ram=lots", "beam:resources:accelerator:v1=type:nvidia-l4"]
)
@pytest.mark.parametrize("flags", [DATAFLOW, []], ids=["dataflow", "local"])
def test_a_hint_that_beam_can_not_read_is_refused_before_the_run(flags: list[str], hint: str) -> None:
    with pytest.raises(ValueError) as raised:
        prepare_launch(make_options(), PipelineOptions([*flags, *IMAGE, HINTS, hint]))
    assert str(raised.value).startswith(f"--resource_hints {hint}: ")


@pytest.mark.parametrize(
    "flags", [["--gpu", "l4"], [SERVICE, L4], [HINTS, HINT]], ids=["gpu", "service option", "resource hint"]
)
def test_openvino_is_refused_on_gpus(flags: list[str]) -> None:
    gpu = flags[1] if flags[0] == "--gpu" else None
    beam_flags = [] if gpu else flags
    with pytest.raises(ValueError, match=r"^--engine openvino runs on CPUs alone; leave it out where"):
        prepare_launch(make_options(gpu=gpu, engine="openvino"), PipelineOptions([*DATAFLOW, *IMAGE, *beam_flags]))


@pytest.mark.parametrize(
    ("gpu", "flags", "asked"),
    [
        ("l4:2", [], "--gpu l4:2"),
        (None, [SERVICE, "worker_accelerator=type:nvidia-l4;count:2"], f"{SERVICE} worker_accelerator=.*"),
        (None, [HINTS, "accelerator=type:nvidia-l4;count:2"], f"{HINTS} accelerator=.*"),
    ],
    ids=["gpu", "service option", "resource hint"],
)
def test_jax_is_refused_on_several_gpus(gpu: str | None, flags: list[str], asked: str) -> None:
    message = rf"^--engine jax uses one GPU of a worker, and {asked} asks for 2; give one, and more workers$"
    with pytest.raises(ValueError, match=message):
        prepare_launch(make_options(gpu=gpu, engine="jax"), PipelineOptions([*DATAFLOW, *IMAGE, *flags]))


@pytest.mark.parametrize("flags", [[], ["--runner", "DirectRunner"], ["--runner", "FlinkRunner"]])
def test_gpus_are_dataflows(flags: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^--gpu l4 asks Dataflow for GPUs; give --runner DataflowRunner"):
        prepare_launch(make_options(gpu="l4"), PipelineOptions(flags))


@pytest.mark.parametrize("gpu", ["t4:2", "l4"])
def test_a_larger_machine_that_can_have_the_gpus_is_taken(gpu: str) -> None:
    machine = {"t4:2": "n1-standard-4", "l4": "g2-standard-16"}[gpu]
    options = PipelineOptions([*DATAFLOW, *IMAGE, "--machine_type", machine])
    prepare_launch(make_options(gpu=gpu), options)
    assert options.get_all_options()["machine_type"] == machine


def test_a_pool_without_a_gpu_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^--gpu-pool inference is about the workers that --gpu asks for"):
        make_options(gpu_pool="inference")


def test_the_command_refuses_with_status_2_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    command = ["embed", "--model", "gs://bucket/model", "--input", "gs://bucket/*.txt", "--output", str(output)]
    assert main([*command, *DATAFLOW, "--gpu", "l4", "--json"]) == 2
    captured = capsys.readouterr()
    assert '"status": "usage"' in captured.out and "--gpu l4:1 needs an image" in captured.out
    assert not output.exists()


def test_analyze_is_checked_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    command = ["analyze", "--model", "gs://bucket/model", "--input", "gs://bucket/*.txt", "--output", str(output)]
    assert main([*command, *replace("--region", "us-central1-a")]) == 2
    assert "--region is 'us-central1-a', which is a zone" in capsys.readouterr().err
    assert not output.exists()


def test_a_runner_that_is_not_known() -> None:
    with pytest.raises(ValueError, match=r"^--runner is 'DirectRuner': choose from .*; the nearest is DirectRunner$"):
        prepare_launch(make_options(), PipelineOptions(["--runner", "DirectRuner"]))


@pytest.mark.parametrize("runner", ["direct", "DirectRunner", "PRISMRUNNER", "somebody.elses.Runner"])
def test_runners_that_are_known(runner: str) -> None:
    check_runner(PipelineOptions(["--runner", runner]))


def test_a_dry_run_lists_gpus_that_can_not_be_read_once_and_goes_on() -> None:
    problems = Problems()
    flags = [*DATAFLOW, SERVICE, "worker_accelerator=count:1"]
    prepare_launch(make_options(), PipelineOptions([*flags, "--max_num_workers", "0"]), problems.collect)
    assert problems.messages == [
        "--max_num_workers must be at least 1, not 0",
        f"{SERVICE} worker_accelerator=count:1 names no GPU; give such as type:nvidia-l4;count:1;install-nvidia-driver",
    ]
