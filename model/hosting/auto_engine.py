"""What `--engine auto` means: a rule, and what it looks at on a machine."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging

from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.transforms.process.usable_machine import has_gpu_device

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Machine:
    """What there is to compute with.

    Attributes:
      has_openvino: whether OpenVINO is installed.
      jax_gpus: how many GPUs JAX sees; 0 without JAX.
      tensorflow_gpus: how many GPUs TensorFlow sees; 0 where it has no CUDA.
    """

    has_openvino: bool
    jax_gpus: int = 0
    tensorflow_gpus: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class AutoChoice:
    """An engine, and why it is the one.

    Attributes:
      engine: never `auto`.
      reason: follows "because".
    """

    engine: str
    reason: str


def choose_for(task: EngineTask, machine: Machine) -> AutoChoice:
    """Returns what `auto` is for a task on a machine."""
    if task.precision == "int8":
        return AutoChoice(engine="openvino", reason="only OpenVINO computes in int8")
    lack = task.describe_lack("jax")
    if machine.jax_gpus and not lack:
        if machine.tensorflow_gpus > 1:
            reason = f"TensorFlow uses all {machine.tensorflow_gpus} GPUs, and JAX would use one"
            return AutoChoice(engine="tensorflow", reason=reason)
        # 1.9 times the exported program was measured in bfloat16 (benchmarks/NOTES.md). In float32 it is not: there the
        # engine jax has no fused attention, and does not round factors to TF32, as TensorFlow does.
        if machine.tensorflow_gpus and task.precision == "float32":
            reason = "TensorFlow sees a GPU, and engine jax is known to be faster in bfloat16 and float16 alone"
            return AutoChoice(engine="tensorflow", reason=reason)
        return AutoChoice(engine="jax", reason="JAX sees a GPU")
    without = "engine jax can't compute this" if lack else "JAX sees no GPU"
    if machine.tensorflow_gpus:
        return AutoChoice(engine="tensorflow", reason=f"TensorFlow sees a GPU, and {without}")
    if machine.has_openvino:
        return AutoChoice(engine="openvino", reason=f"OpenVINO is installed, TensorFlow sees no GPU, and {without}")
    return AutoChoice(engine="tensorflow", reason=f"OpenVINO is not installed, and {without}")


def look_at_machine(task: EngineTask) -> Machine:
    """Returns what this machine has for a task; JAX is imported only if it could compute that."""
    return Machine(
        has_openvino=is_installed("openvino"),
        jax_gpus=0 if task.describe_lack("jax") else count_jax_gpus(),
        tensorflow_gpus=count_tensorflow_gpus(),
    )


def is_installed(package: str) -> bool:
    """Returns whether a package can be imported; it is not."""
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # it is blocked in sys.modules
        return False


def count_tensorflow_gpus() -> int:
    """Returns how many GPUs TensorFlow sees."""
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))


def count_jax_gpus() -> int:
    """Returns how many GPUs JAX sees; 0 where it is not installed, or finds no device at all.

    Where there is no GPU it is not imported: that takes a second, and leaves threads behind.
    """
    if not has_gpu_device():
        return 0
    try:
        import jax
    except ImportError:
        return 0
    try:
        return sum(device.platform == "gpu" for device in jax.devices())
    except RuntimeError as e:  # such as a plugin without a driver, where JAX_PLATFORMS asks for it
        logger.warning("JAX finds no device: %s", e)
        return 0
