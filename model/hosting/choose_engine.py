"""Which engines there are, and which one `auto` means."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from albert_embed.model.engines.engine import Engine

EngineName = Literal["tensorflow", "openvino", "jax", "auto"]
ENGINES: tuple[str, ...] = get_args(EngineName)


def load_engine(name: str, directory: Path, *, threads: int | None = None, streams: int = 1) -> Engine:
    """Loads the model in `directory` with the engine `name` (not `auto`: call `choose_engine` first).

    Args:
      name: `tensorflow`, `openvino` or `jax`; each is imported only where it is loaded.
      directory: an export or a TF1 Hub module.
      threads: how many it may use; None means all cores. TensorFlow has one number for the whole process
        (`TF_NUM_INTRAOP_THREADS`) instead, because it may already be running.
      streams: how many batches are computed at once, if they are given together (`BatchStreams`). OpenVINO divides the
        threads among them; in TensorFlow all of them use all.

    Raises:
      ValueError: if the engine is unknown, or does not compute in the model's precision.
    """
    engine = _load_engine(name, directory, threads, streams)
    if streams == 1:
        return engine
    from albert_embed.model.hosting.batch_streams import BatchStreams

    return BatchStreams(engine, streams)


def _load_engine(name: str, directory: Path, threads: int | None, streams: int) -> Engine:
    from albert_embed.model.directory.model_directory import read_precision

    refuse_precision(name, read_precision(directory))
    if name == "tensorflow":
        from albert_embed.model.engines.tensorflow_engine import load_tensorflow_engine

        return load_tensorflow_engine(directory)
    if name == "openvino":
        from albert_embed.model.engines.openvino_engine import OpenVINOEngine

        return OpenVINOEngine(directory, threads=threads, streams=streams)
    if name == "jax":
        from albert_embed.model.jax_engine.weights import load_jax_engine

        return load_jax_engine(directory)
    raise ValueError(f"engine must be tensorflow, openvino or jax here, not {name!r}")


def refuse_engine_s_lack(engine: str, embeddings: Sequence[str]) -> None:
    """Raises ValueError where `engine` does not give one of `embeddings`, whatever the model has."""
    if engine == "jax" and "sentence" in embeddings:
        raise ValueError("--engine jax has no sentence; choose --engine tensorflow")


def refuse_precision(engine: str, precision: str) -> None:
    """Raises ValueError where `engine` does not compute in the precision of an export."""
    if precision == "int8" and engine in ("tensorflow", "jax"):
        raise ValueError(
            f"the model is an int8 export, which only OpenVINO computes in int8: --engine openvino, not {engine}"
        )


def refuse_missing_engine(engine: str) -> None:
    """Raises ValueError where `engine` is not installed in this process."""
    if engine in ("openvino", "jax") and not _is_installed(engine):
        raise ValueError(
            f"--engine {engine} needs the package {engine}, which is not installed; run "
            f"`pip install 'albert-embed[{engine}]'`, or choose --engine tensorflow"
        )


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # it is blocked in sys.modules
        return False


def choose_engine(name: str, precision: str = "float32") -> str:
    """Returns `name`; for `auto`, `openvino` where it is installed and there is no GPU, else `tensorflow`.

    Args:
      name: as `--engine` has it.
      precision: of the model; for int8 `auto` is always `openvino`.

    Raises:
      ValueError: if the engine is unknown, or does not compute in the precision.
    """
    if name not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
    refuse_precision(name, precision)
    if name != "auto":
        return name
    if precision == "int8":
        return "openvino"
    if importlib.util.find_spec("openvino") is None:
        return "tensorflow"
    import tensorflow as tf

    return "tensorflow" if tf.config.list_physical_devices("GPU") else "openvino"
