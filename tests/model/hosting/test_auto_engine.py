"""What `--engine auto` is, for machines that are given as data; and what it looks at here."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import tensorflow as tf

from albert_embed.model.hosting import auto_engine
from albert_embed.model.hosting.auto_engine import (
    Machine,
    choose_for,
    count_jax_gpus,
    count_tensorflow_gpus,
    look_at_machine,
)
from albert_embed.model.hosting.choose_engine import choose_engine
from albert_embed.model.hosting.engine_task import EngineTask

BFLOAT16 = EngineTask(model="model", precision="bfloat16")
FLOAT32 = EngineTask(model="model")
MODULE = EngineTask(model="module", is_hub_module=True)
OLD_SENTENCE = EngineTask(model="old", precision="float16", lacks_outline=True)
INT8 = EngineTask(model="int8", precision="int8")


@pytest.mark.parametrize(
    ("task", "jax_gpus", "tensorflow_gpus", "has_openvino", "engine"),
    [
        # JAX on a GPU, where it can compute the model.
        (BFLOAT16, 1, 1, True, "jax"),
        (BFLOAT16, 1, 0, True, "jax"),
        (BFLOAT16, 2, 0, False, "jax"),
        (FLOAT32, 1, 0, True, "jax"),
        # In float32 it is not known to be faster than TensorFlow on the same GPU, and it uses one GPU.
        (FLOAT32, 1, 1, True, "tensorflow"),
        (BFLOAT16, 2, 2, False, "tensorflow"),
        # What it can't compute.
        (MODULE, 1, 1, True, "tensorflow"),
        (MODULE, 1, 0, True, "openvino"),
        (OLD_SENTENCE, 1, 1, False, "tensorflow"),
        (OLD_SENTENCE, 1, 0, False, "tensorflow"),
        (INT8, 1, 1, True, "openvino"),
        (INT8, 0, 0, False, "openvino"),
        # Without a GPU for JAX.
        (BFLOAT16, 0, 1, True, "tensorflow"),
        (BFLOAT16, 0, 4, True, "tensorflow"),
        (FLOAT32, 0, 0, True, "openvino"),
        (FLOAT32, 0, 0, False, "tensorflow"),
    ],
)
def test_the_rule(task: EngineTask, jax_gpus: int, tensorflow_gpus: int, has_openvino: bool, engine: str) -> None:
    machine = Machine(has_openvino=has_openvino, jax_gpus=jax_gpus, tensorflow_gpus=tensorflow_gpus)
    choice = choose_for(task, machine)
    assert (choice.engine, task.describe_lack(choice.engine)) == (engine, "")


@pytest.mark.parametrize(
    ("task", "machine", "reason"),
    [
        (BFLOAT16, Machine(has_openvino=True, jax_gpus=1), "JAX sees a GPU"),
        (
            BFLOAT16,
            Machine(has_openvino=True, jax_gpus=2, tensorflow_gpus=2),
            "TensorFlow uses all 2 GPUs, and JAX would use one",
        ),
        (
            MODULE,
            Machine(has_openvino=True),
            "OpenVINO is installed, TensorFlow sees no GPU, and engine jax can't compute this",
        ),
        (FLOAT32, Machine(has_openvino=False), "OpenVINO is not installed, and JAX sees no GPU"),
    ],
)
def test_the_reason_is_what_decided(task: EngineTask, machine: Machine, reason: str) -> None:
    assert choose_for(task, machine).reason == reason


def test_auto_is_the_rule_for_this_machine_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(auto_engine, "count_jax_gpus", lambda: 1)
    monkeypatch.setattr(auto_engine, "count_tensorflow_gpus", lambda: 0)
    with caplog.at_level(logging.INFO):
        assert choose_engine("auto", FLOAT32) == "jax"
    assert caplog.messages == ["--engine auto is jax here, because JAX sees a GPU"]


def test_of_workers_elsewhere_no_gpu_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: dict[str, Any] = {"openvino": object()}
    monkeypatch.setattr(importlib.util, "find_spec", installed.get)
    monkeypatch.setattr(auto_engine, "count_jax_gpus", lambda: 1)
    monkeypatch.setattr(auto_engine, "count_tensorflow_gpus", lambda: 1)
    assert choose_engine("auto", BFLOAT16, here=False) == "openvino"
    installed.clear()
    assert choose_engine("auto", BFLOAT16, here=False) == "tensorflow"
    assert choose_engine("jax", BFLOAT16, here=False) == "jax"


def test_jax_is_not_asked_about_what_it_can_not_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def count() -> int:
        asked.append("jax")
        return 1

    monkeypatch.setattr(auto_engine, "count_jax_gpus", count)
    for task in (MODULE, OLD_SENTENCE, INT8):
        assert look_at_machine(task).jax_gpus == 0
    assert asked == []
    assert look_at_machine(BFLOAT16).jax_gpus == 1


def test_gpus_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto_engine, "has_gpu_device", lambda: True)
    gpu, cpu = SimpleNamespace(platform="gpu"), SimpleNamespace(platform="cpu")
    devices: list[Any] = [gpu, gpu]
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=lambda: devices))
    assert count_jax_gpus() == 2
    devices[:] = [cpu]
    assert count_jax_gpus() == 0
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a", "b", "c"] if kind == "GPU" else [])
    assert count_tensorflow_gpus() == 3


def test_a_machine_where_jax_is_missing_or_finds_no_device_has_no_gpu_for_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(auto_engine, "has_gpu_device", lambda: True)

    def fail() -> list[Any]:
        raise RuntimeError("no driver")

    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=fail))
    assert count_jax_gpus() == 0
    assert caplog.messages == ["JAX finds no device: no driver"]
    monkeypatch.setitem(sys.modules, "jax", None)
    assert count_jax_gpus() == 0


def test_without_nvidia_s_driver_jax_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto_engine, "has_gpu_device", lambda: False)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=lambda: pytest.fail("it was asked")))
    assert count_jax_gpus() == 0


def test_no_framework_takes_all_of_a_gpus_memory() -> None:
    """In a new process: what is set already stays, and the rest is set before either is imported."""
    program = (
        "import os, sys, albert_embed.model\n"
        "assert not {'tensorflow', 'jax'} & set(sys.modules)\n"
        "print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'], os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])\n"
    )

    def run(**environment: str) -> str:
        command = [sys.executable, "-c", program]
        paths = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
        return subprocess.run(command, env={**paths, **environment}, check=True, text=True, capture_output=True).stdout

    assert run() == "true false\n"
    assert run(TF_FORCE_GPU_ALLOW_GROWTH="false", XLA_PYTHON_CLIENT_PREALLOCATE="true") == "false true\n"
