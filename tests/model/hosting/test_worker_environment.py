"""What a worker says of itself."""

from __future__ import annotations

import importlib.metadata
import pickle
import platform
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf

from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.hosting.worker_environment import WorkerEnvironment, name_processor, observe_worker
from albert_embed.transforms.steps import metrics
from tests.model.fake_engine import FakeEngine
from tests.model.hosting.test_embed_batch import make_batch

GPU = WorkerEnvironment(
    engine="tensorflow", device="NVIDIA H100", versions={"tensorflow": "2.21.0", "python": "3.11.7"}
)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    observe_worker.cache_clear()
    yield
    observe_worker.cache_clear()  # what was observed of a machine that is not this one


def test_an_environment_comes_back_from_json_and_pickle() -> None:
    assert WorkerEnvironment.from_dict(GPU.to_dict()) == GPU
    assert WorkerEnvironment.from_json(GPU.to_json()) == GPU
    assert pickle.loads(pickle.dumps(GPU)) == GPU
    assert WorkerEnvironment.from_dict({**GPU.to_dict(), "memory": 80}) == GPU


def test_equal_ones_have_the_same_json() -> None:
    turned = WorkerEnvironment(engine=GPU.engine, device=GPU.device, versions=dict(reversed(GPU.versions.items())))
    assert turned.to_json() == GPU.to_json()


def test_what_the_worker_of_this_process_is(engine_name: str) -> None:
    found = observe_worker(engine_name)
    assert found.engine == engine_name
    assert found.device == name_processor() != ""
    assert found.versions["python"] == platform.python_version()
    assert found.versions["tensorflow"] == tf.__version__
    assert ("openvino" in found.versions) == (engine_name == "openvino")


def test_a_gpu_is_named_where_the_engine_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"device_name": "NVIDIA H100"})
    assert observe_worker("tensorflow").device == "NVIDIA H100"
    assert observe_worker("openvino").device == name_processor()


def test_a_library_that_a_worker_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.metadata.version

    def find_without_transform(name: str) -> Any:
        if name == "tensorflow-transform":
            raise importlib.metadata.PackageNotFoundError(name)
        return find(name)

    monkeypatch.setattr(importlib.metadata, "version", find_without_transform)
    versions = observe_worker("tensorflow").versions
    assert "tensorflow" in versions and "tensorflow-transform" not in versions


def test_the_processor_is_named(tmp_path: Path) -> None:
    description = tmp_path / "cpuinfo"
    description.write_text("processor\t: 0\nmodel name\t: AMD EPYC 9B14\nprocessor\t: 1\nmodel name\t: AMD EPYC 9B14\n")
    assert name_processor(description) == "AMD EPYC 9B14"
    assert name_processor(tmp_path / "none") == (platform.processor() or platform.machine())


def test_rows_are_counted_for_the_engine_that_computed_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` alone does not say which one that was: for an int8 export it is OpenVINO on a GPU's machine, too."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    engine = FakeEngine()
    engine.name = "openvino"
    metrics.forget_counts()
    found = AlbertModelHandler("no model", engine="auto").run_inference(make_batch(), engine)
    rows = sum(part.num_rows for part in found if isinstance(part, pa.RecordBatch))
    counts = metrics.take_counts()
    assert counts is not None
    ((worker, counted),) = counts.workers.items()
    assert (WorkerEnvironment.from_json(worker).engine, counted) == ("openvino", rows)
    assert rows > 0


def test_engine_jax_names_its_gpu_and_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = pytest.importorskip("jax")
    found = observe_worker("jax")
    assert found.device == name_processor()
    assert found.versions["jax"] == jax.__version__ and "jaxlib" in found.versions
    assert "openvino" not in found.versions and "jax" not in observe_worker("tensorflow").versions
    observe_worker.cache_clear()
    gpu = SimpleNamespace(platform="gpu", device_kind="NVIDIA H100 80GB HBM3")
    monkeypatch.setattr(jax, "devices", lambda: [gpu])
    assert observe_worker("jax").device == "NVIDIA H100 80GB HBM3"
