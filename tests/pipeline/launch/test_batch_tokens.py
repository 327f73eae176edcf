"""The default of `--batch-tokens`."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.jax_engine import layout as jax_layout
from albert_embed.pipeline.launch import batch_tokens
from albert_embed.pipeline.launch.batch_tokens import (
    choose_batching,
    choose_streams,
    count_activation_bytes,
    refuse_streams,
)
from albert_embed.pipeline.launch.gpu_request import GpuRequest
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import ONE_PROCESS
from albert_embed.transforms.rows.token_batches import TokenBatchConfig
from tests.tiny_model import BASE

XXLARGE = dataclasses.replace(BASE, hidden_size=4096, num_attention_heads=64, intermediate_size=16384)
GPU_WORKERS = ["--dataflow_service_options", "worker_accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver"]


@pytest.mark.parametrize(
    ("gpu", "max_tokens", "expected"),
    [
        (False, 512, 1024),
        (True, 512, 16384),
        (False, 2000, 2000),
        (True, 20000, 20000),
    ],
)
def test_the_default_is_that_of_the_device(
    gpu: bool, max_tokens: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_tokens, "count_tensorflow_gpus", lambda: gpu)
    assert choose_batching(None, max_tokens=max_tokens, beam_options=PipelineOptions([])).batch_tokens == expected


def test_on_a_cpu_the_engine_precision_and_processor_decide(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(batch_tokens, "count_tensorflow_gpus", lambda: True)  # which OpenVINO does not use
    monkeypatch.setattr(batch_tokens, "read_instructions", lambda: frozenset({"amx_bf16"}))

    def choose_for(precision: str, *flags: str) -> int:
        options = PipelineOptions([*flags])
        batching = choose_batching(None, max_tokens=512, beam_options=options, engine="openvino", precision=precision)
        return batching.batch_tokens

    with caplog.at_level(logging.INFO):
        assert choose_for("bfloat16") == 4096
    assert caplog.messages == [
        "maximum padded tokens per batch: 4096, chosen for openvino in bfloat16 on a CPU with amx_bf16; --batch-tokens "
        "gives another number"
    ]
    assert choose_for("float32") == 1024
    assert choose_for("bfloat16", "--runner", "DataflowRunner") == 1024  # of whose workers nothing is known


@pytest.mark.parametrize(("has_gpu", "expected"), [(True, 32768), (False, 1024)])
def test_the_engine_jax_gets_its_largest_shape_where_jax_sees_a_gpu(
    has_gpu: bool, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What TensorFlow sees does not matter.
    monkeypatch.setattr(batch_tokens, "count_tensorflow_gpus", lambda: not has_gpu)
    monkeypatch.setattr(batch_tokens, "count_jax_gpus", lambda: has_gpu)
    assert (
        choose_batching(None, max_tokens=512, beam_options=PipelineOptions([]), engine="jax").batch_tokens == expected
    )
    assert batch_tokens.JAX_BATCH_TOKENS == jax_layout.TOKENS


def test_what_is_given_is_taken() -> None:
    assert choose_batching(77, max_tokens=12, beam_options=PipelineOptions([])).batch_tokens == 77


def test_workers_with_an_accelerator_have_a_gpu() -> None:
    assert choose_batching(None, max_tokens=512, beam_options=PipelineOptions(GPU_WORKERS)).batch_tokens == 16384


def choose(*flags: str, gpu: str | None = None, config: AlbertConfig = BASE, max_tokens: int = 512) -> int:
    options = PipelineOptions([*flags])
    return choose_batching(None, max_tokens=max_tokens, beam_options=options, gpu=gpu, config=config).batch_tokens


@pytest.mark.parametrize(
    "flags",
    [
        GPU_WORKERS,
        ["--experiments", "worker_accelerator=type:nvidia-tesla-t4;count:1"],
        ["--resource_hints", "accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver"],
        ["--resource_hints", "beam:resources:accelerator:v1=type:nvidia-tesla-t4;count:1"],
    ],
)
def test_a_gpu_counts_however_it_is_asked_for(flags: list[str]) -> None:
    assert choose(*flags, "--number_of_worker_harness_threads", "4", "--experiments", ONE_PROCESS) == 8192


def test_as_many_batches_as_threads_fit_into_the_gpus_memory() -> None:
    one_process = ["--experiments", ONE_PROCESS, "--number_of_worker_harness_threads"]
    assert choose(*one_process, "4", gpu="l4") == 16384
    assert choose(*one_process, "8", gpu="l4:2") == 16384
    assert choose(*one_process, "8", gpu="l4") == 8192
    assert choose(*one_process, "4", gpu="h100") == 65536
    assert choose(*one_process, "4", gpu="a100", config=XXLARGE) < choose(*one_process, "4", gpu="a100")
    for gpu, threads in (("t4", 4), ("l4", 4), ("a100", 12), ("h100", 4)):
        kind = GpuRequest.parse(gpu).gpu
        tokens = choose(*one_process, str(threads), gpu=gpu)
        assert threads * tokens * count_activation_bytes(BASE, 512) <= kind.memory_gib * 2**30 / 2


def test_a_process_for_each_vcpu_leaves_each_less() -> None:
    threads = ["--number_of_worker_harness_threads", "1"]
    assert choose(*threads, gpu="l4") == 16384
    assert choose(*threads, "--machine_type", "g2-standard-32", gpu="l4") == 2048


def test_an_accelerator_that_is_not_known_gets_the_usual_number() -> None:
    assert choose("--resource_hints", "accelerator=type:nvidia-next;count:1") == 16384


@pytest.fixture
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 cores, 256 GiB, no GPU."""
    monkeypatch.setattr(batch_tokens, "count_cores", lambda: 64)
    monkeypatch.setattr(batch_tokens, "count_memory_bytes", lambda: 256 * 2**30)
    monkeypatch.setattr(batch_tokens, "count_tensorflow_gpus", lambda: False)


def choose_for_machine(
    *flags: str, engine: str = "openvino", tokens: int = 1024, config: AlbertConfig = BASE, **given: Any
) -> int:
    return choose_streams(
        EmbedOptions(model="model", input=("in.txt",), output="out", **given),
        PipelineOptions([*flags]),
        engine=engine,
        config=config,
        batching=TokenBatchConfig(batch_tokens=tokens, max_tokens=512),
    )


@pytest.mark.usefixtures("large_machine")
def test_as_many_batches_at_once_as_the_cores_and_the_memory_allow(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert choose_for_machine() == 16
    assert caplog.messages == ["batches computed at once: 16, chosen for 64 cores; --streams gives another number"]
    assert choose_for_machine(engine="tensorflow") == 16
    assert choose_for_machine(worker_threads=20) == 5
    assert choose_for_machine(worker_threads=4) == 2
    assert choose_for_machine(worker_threads=1) == 1
    assert choose_for_machine(config=XXLARGE, tokens=65536) == 2
    assert choose_for_machine(streams=3) == 3


@pytest.mark.usefixtures("large_machine")
@pytest.mark.parametrize(
    "flags",
    [
        ("--direct_num_workers", "2", "--direct_running_mode", "multi_threading"),
        ("--direct_num_workers", "2", "--direct_running_mode", "multi_processing"),
        ("--runner", "FlinkRunner"),
        ("--runner", "DataflowRunner"),
    ],
)
def test_where_beam_has_several_threads_or_processes_each_computes_its_own(flags: tuple[str, ...]) -> None:
    assert choose_for_machine(*flags) == 0
    options = EmbedOptions(model="model", input=("in.txt",), output="out", streams=2)
    with pytest.raises(ValueError, match=r"^--streams 2 is for runs in one process of this machine, without --runner "):
        refuse_streams(options, PipelineOptions([*flags]))
    refuse_streams(options, PipelineOptions([]))


@pytest.mark.usefixtures("large_machine")
@pytest.mark.parametrize(("gpus", "expected"), [(1, 1), (4, 8)])
def test_one_batch_at_a_time_on_a_gpu_and_two_on_each_of_several(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, gpus: int, expected: int
) -> None:
    monkeypatch.setattr(batch_tokens, "count_tensorflow_gpus", lambda: gpus)
    with caplog.at_level(logging.INFO):
        assert choose_for_machine(engine="tensorflow") == expected
    said = "batches computed at once: 8, chosen for 4 GPUs; --streams gives another number"
    assert caplog.messages == ([said] if gpus == 4 else [])
    assert choose_for_machine(engine="jax") == 1  # which uses one
    assert choose_for_machine(engine="openvino") == 16  # which uses none
