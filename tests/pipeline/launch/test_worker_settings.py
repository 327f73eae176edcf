"""What `--gpu` sets among Dataflow's options."""

from __future__ import annotations

import logging

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.launch.gpu_request import GpuRequest, find_inference_accelerator
from albert_embed.pipeline.launch.prepare_launch import IMAGE_VARIABLE, prepare_launch
from albert_embed.pipeline.launch.worker_settings import apply_settings, choose_worker_settings
from albert_embed.pipeline.settings.embed_options import EmbedOptions

ONE_PROCESS = "no_use_multiple_sdk_containers"
DATAFLOW = [
    *("--runner", "DataflowRunner", "--project", "my-project", "--region", "us-central1"),
    *("--temp_location", "gs://bucket/tmp"),
]
IMAGE = ["--sdk_container_image", "registry.example/albert-embed:1"]


def choose(gpu: str, *flags: str, pool: str = "whole", image: str | None = None) -> dict[str, str | int]:
    """Returns what is set, by option."""
    options = PipelineOptions([*flags])
    settings = choose_worker_settings(GpuRequest.parse(gpu), pool=pool, beam_options=options, image=image)
    assert all(setting.reason for setting in settings)
    return {setting.option: setting.value for setting in settings}


def make_options(**changes: object) -> EmbedOptions:
    given = {"model": "gs://bucket/model", "input": ("gs://bucket/corpus/*.txt",), "output": "gs://bucket/out"}
    return EmbedOptions(**{**given, **changes})  # type: ignore[arg-type]


def test_a_gpu_for_the_whole_pool() -> None:
    assert choose("l4") == {
        "dataflow_service_options": "worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver",
        "machine_type": "g2-standard-4",
        "disk_size_gb": 100,
        "experiments": ONE_PROCESS,
        "number_of_worker_harness_threads": 4,
        "max_num_workers": 10,
    }


def test_several_gpus_have_a_larger_machine_and_more_threads() -> None:
    chosen = choose("a100:2")
    assert chosen["dataflow_service_options"] == (
        "worker_accelerator=type:nvidia-tesla-a100;count:2;install-nvidia-driver"
    )
    assert (chosen["machine_type"], chosen["number_of_worker_harness_threads"]) == ("a2-highgpu-2g", 8)


def test_a_gpu_for_the_models_step_alone_leaves_the_other_machines_as_they_are() -> None:
    chosen = choose("l4", pool="inference")
    assert "dataflow_service_options" not in chosen and "machine_type" not in chosen
    assert chosen["experiments"] == ONE_PROCESS
    assert find_inference_accelerator("l4", "inference") == (
        "type:nvidia-l4;count:1;machine_type:g2-standard-4;install-nvidia-driver"
    )
    assert find_inference_accelerator("l4", "whole") is None
    assert find_inference_accelerator(None, "whole") is None


@pytest.mark.parametrize(
    ("flags", "option"),
    [
        (["--machine_type", "g2-standard-16"], "machine_type"),
        (["--worker_machine_type", "g2-standard-16"], "machine_type"),
        (["--disk_size_gb", "50"], "disk_size_gb"),
        (["--number_of_worker_harness_threads", "2"], "number_of_worker_harness_threads"),
        (["--max_num_workers", "3"], "max_num_workers"),
        (["--experiments", ONE_PROCESS], "experiments"),
        (["--experiment", ONE_PROCESS], "experiments"),
        (["--experiments", f"other,{ONE_PROCESS}"], "experiments"),
        (["--experiments", "use_multiple_sdk_containers"], "experiments"),
        (IMAGE, "sdk_container_image"),
        (["--worker_harness_container_image", "registry.example/old:1"], "sdk_container_image"),
    ],
)
def test_what_the_user_gives_is_left_as_it_is(flags: list[str], option: str) -> None:
    assert option in choose("l4", image="environment/image:1")
    assert option not in choose("l4", *flags, image="environment/image:1")


def test_more_workers_at_the_start_are_no_contradiction() -> None:
    assert choose("l4", "--num_workers", "20")["max_num_workers"] == 20


def test_a_driver_given_by_hand_counts() -> None:
    option = "worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver:5xx"
    chosen = choose("l4", "--dataflow_service_options", option)
    assert "dataflow_service_options" not in chosen
    assert chosen["machine_type"] == "g2-standard-4"


def test_a_gpu_that_processes_share_has_one_for_each_vcpu_of_one_thread() -> None:
    option = "worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver;use_nvidia_mps"
    chosen = choose("l4", "--dataflow_service_options", option)
    assert "experiments" not in chosen
    assert chosen["number_of_worker_harness_threads"] == 1


def test_processes_that_are_asked_for_share_a_gpu_with_one_thread_each() -> None:
    assert choose("l4", "--experiments", "use_multiple_sdk_containers")["number_of_worker_harness_threads"] == 1


def test_settings_are_applied_beside_what_is_there() -> None:
    options = PipelineOptions(["--experiments", "other", "--dataflow_service_options", "another"])
    apply_settings(
        choose_worker_settings(GpuRequest.parse("t4"), pool="whole", beam_options=options, image=None), options
    )
    given = options.get_all_options()
    assert given["experiments"] == ["other", ONE_PROCESS]
    assert given["dataflow_service_options"] == [
        "another",
        "worker_accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver",
    ]
    assert (given["machine_type"], given["number_of_worker_harness_threads"]) == ("n1-standard-4", 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("k80", "--gpu is 'k80': choose from t4, "),
        ("l4:3", "--gpu is 'l4:3': there are machines with 1, 2, 4, 8 of l4; give such as l4:8"),
        ("t4:0", "--gpu is 't4:0': there are machines with 1, 2, 4 of t4; give such as t4:4"),
        ("a100-80gb:16", "there are machines with 1, 2, 4, 8 of a100-80gb; give such as a100-80gb:8"),
        ("h100:3", "there are machines with 1, 2, 4, 8 of h100"),
        ("h100-mega:1", "there are machines with 8 of h100-mega; give such as h100-mega:8"),
        ("l4:-1", "there are machines with"),
        ("l4:1:1", "there are machines with"),
        (" l4", "--gpu is ' l4': choose from"),
        ("l4:", "there are machines with 1, 2, 4, 8 of l4"),
        ("l4:²", "there are machines with 1, 2, 4, 8 of l4"),
        ("", "--gpu is '': choose from"),
    ],
)
def test_what_is_no_gpu_is_refused(given: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        GpuRequest.parse(given)
    assert message in str(raised.value)


def test_a_gpu_may_be_named_as_dataflow_does() -> None:
    assert GpuRequest.parse("nvidia-tesla-a100:4") == GpuRequest.parse("a100:4")


def test_a_gpu_may_be_named_in_capital_letters() -> None:
    assert GpuRequest.parse("L4:2") == GpuRequest.parse("l4:2")
    assert GpuRequest.parse("A100-80GB") == GpuRequest.parse("a100-80gb:1")


def test_what_is_set_is_said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IMAGE_VARIABLE, "environment/image:1")
    options = PipelineOptions(DATAFLOW)
    with caplog.at_level(logging.INFO):
        prepared = prepare_launch(make_options(gpu="l4", engine="auto"), options)
    assert prepared.engine == "tensorflow"
    assert options.get_all_options()["sdk_container_image"] == "environment/image:1"
    assert "--gpu l4 sets --machine_type g2-standard-4: the smallest machine with 1 of it" in caplog.messages
    assert any(
        message.startswith(f"--gpu l4 sets --experiments {ONE_PROCESS}: one process") for message in caplog.messages
    )


@pytest.mark.parametrize("engine", ["tensorflow", "jax"])
def test_an_engine_that_is_named_is_kept(engine: str) -> None:
    assert prepare_launch(make_options(gpu="l4", engine=engine), PipelineOptions([*DATAFLOW, *IMAGE])).engine == engine


def test_workers_without_gpus_keep_the_engine() -> None:
    options = make_options(engine="auto")
    assert prepare_launch(options, PipelineOptions(DATAFLOW)) is options


def test_without_gpus_the_environment_names_the_image_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as that of a launcher: Beam's own image lacks what this program stands on."""
    monkeypatch.setenv(IMAGE_VARIABLE, "environment/image:1")
    options = PipelineOptions(DATAFLOW)
    prepare_launch(make_options(), options)
    assert options.get_all_options()["sdk_container_image"] == "environment/image:1"
    for flags in (IMAGE, ["--worker_harness_container_image", IMAGE[1]], ["--prebuild_sdk_container_engine", "local"]):
        given = PipelineOptions([*DATAFLOW, *flags])
        before = given.get_all_options()["sdk_container_image"]
        prepare_launch(make_options(), given)
        assert given.get_all_options()["sdk_container_image"] == before != "environment/image:1"
