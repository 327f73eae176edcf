"""Which engines there are, and how one is chosen and loaded."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Literal, get_args

from albert_embed.model.engines.engine import Engine
from albert_embed.model.hosting.auto_engine import Machine, choose_for, is_installed, look_at_machine
from albert_embed.model.hosting.engine_task import EngineTask

logger = logging.getLogger(__name__)

EngineName = Literal["tensorflow", "openvino", "jax", "auto"]
ENGINES: tuple[str, ...] = get_args(EngineName)


def load_engine(
    name: str,
    directory: Path,
    *,
    outputs: Collection[str] | None = None,
    threads: int | None = None,
    streams: int = 1,
) -> Engine:
    """Loads the model in `directory` with the engine `name` (not `auto`: call `choose_engine` first).

    Args:
      name: `tensorflow`, `openvino` or `jax`; each is imported only where it is loaded.
      directory: an export or a TF1 Hub module.
      outputs: those that it will be asked for (`Engine.run`); None means any.
      threads: how many it may use; None means all cores. TensorFlow has one number for the whole process
        (`TF_NUM_INTRAOP_THREADS`) instead, because it may already be running.
      streams: how many batches it may be given at once. OpenVINO divides the threads among them; in TensorFlow all of
        them use all.

    Raises:
      ValueError: if the engine is unknown, or can't compute the model.
    """
    EngineTask.of(directory, ()).refuse(name)
    if name == "tensorflow":
        from albert_embed.model.engines.tensorflow_engine import load_tensorflow_engine

        return load_tensorflow_engine(directory)
    if name == "openvino":
        from albert_embed.model.engines.openvino_engine import OpenVINOEngine

        return OpenVINOEngine(directory, outputs=outputs, threads=threads, streams=streams)
    if name == "jax":
        from albert_embed.model.jax_engine.weights import load_jax_engine

        return load_jax_engine(directory)
    raise ValueError(f"engine must be tensorflow, openvino or jax here, not {name!r}")


def refuse_missing_engine(engine: str) -> None:
    """Raises ValueError where `engine` is not installed in this process."""
    if engine in ("openvino", "jax") and not is_installed(engine):
        raise ValueError(
            f"--engine {engine} needs the package {engine}, which is not installed; run "
            f"`pip install 'albert-embed[{engine}]'`, or choose --engine tensorflow"
        )


def choose_engine(name: str, task: EngineTask, *, here: bool = True) -> str:
    """Returns `name`; for `auto` what that is on this machine (`model.hosting.auto_engine`), and logs why.

    Args:
      name: as `--engine` has it.
      task: what it is to compute.
      here: whether it will run on this machine. Elsewhere nothing is known of GPUs: with `auto` the workers choose for
        themselves, and what is returned is a guess.

    Raises:
      ValueError: if the engine is unknown, or can't compute that.
    """
    if name not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
    task.refuse(name)
    if name != "auto":
        return name
    if not here:
        return choose_for(task, Machine(has_openvino=is_installed("openvino"))).engine
    choice = choose_for(task, look_at_machine(task))
    logger.info("--engine auto is %s here, because %s", choice.engine, choice.reason)
    return choice.engine
