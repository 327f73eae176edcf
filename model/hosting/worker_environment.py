"""`WorkerEnvironment`: what a worker process has found itself to be: its engine, its device, its libraries."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PACKAGES = (
    *("albert-embed", "apache-beam", "tensorflow", "tensorflow-text", "tensorflow-transform", "tfx-bsl"),
    *("numpy", "pyarrow"),
)
_ENGINE_PACKAGES = {"openvino": ("openvino",), "jax": ("jax", "jaxlib")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerEnvironment:
    """What a worker is. The program that starts a run may be something else.

    Attributes:
      engine: what executes the model there, such as `tensorflow`.
      device: the name of its GPU where the engine uses one, else that of its processor.
      versions: name → version of Python and of each library there that shapes a result.
    """

    engine: str
    device: str
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WorkerEnvironment:
        """Returns what `to_dict` has made plain values of; later versions may have added some."""
        return cls(**{field.name: values[field.name] for field in dataclasses.fields(cls)})

    def to_json(self) -> str:
        """Returns the same text for equal ones, so that it can be a key."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> WorkerEnvironment:
        """Reads what `to_json` has written."""
        return cls.from_dict(json.loads(text))


@functools.cache
def observe_worker(engine: str) -> WorkerEnvironment:
    """Returns what this process is, with the engine that it uses (`model.hosting.choose_engine.choose_engine`)."""
    return WorkerEnvironment(engine=engine, device=_name_device(engine), versions=_list_versions(engine))


def _name_device(engine: str) -> str:
    if engine == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))
    if engine == "jax":
        import jax

        device = jax.devices()[0]
        if device.platform == "gpu":
            return str(device.device_kind)
    return name_processor()


def name_processor(description: Path = Path("/proc/cpuinfo")) -> str:
    """Returns the processor's name as the system has it; its architecture where that has none."""
    try:
        lines = description.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _list_versions(engine: str) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in (*_PACKAGES, *_ENGINE_PACKAGES.get(engine, ())):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # a worker needs less than the program that starts the run
    return versions
