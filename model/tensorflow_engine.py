"""Executes a SavedModel with TensorFlow, on CPU or GPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from model.config import AlbertConfig, read_config
from model.engine import OutOfMemoryError, RowError
from model.model_directory import (
    CONFIG_FILE,
    INPUT_NAMES,
    POOLED_SIGNATURE,
    POOLED_SIGNATURE_OUTPUT,
    TOKENS_SIGNATURE,
    load_saved_model,
    read_precision,
)

# base and large stay below, with 0.17 and 0.6 GB; xlarge would take 2.4 GB, xxlarge 4.8 GB.
_MOST_PACKED_BYTES = 1 << 30


class TensorFlowEngine:
    """The signatures of a SavedModel in a local directory, a TF1 Hub module or an export alike."""

    def __init__(self, directory: Path) -> None:
        _share_gpus()
        # The loaded object must live as long as its functions: it owns the variables.
        self._loaded = load_saved_model(directory)
        self._frozen = _gains_from_constants(directory)
        self._functions: dict[tuple[str, ...], Callable[..., Any]] = {}

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """See `model.engine.Engine.run`."""
        names = tuple(sorted(outputs))
        if names not in self._functions:
            self._functions[names] = self._select_outputs(names)
        try:
            results = self._functions[names](*(tf.constant(inputs[name]) for name in INPUT_NAMES))
        except (tf.errors.ResourceExhaustedError, MemoryError) as e:
            raise OutOfMemoryError(str(e)) from e
        except tf.errors.InvalidArgumentError as e:
            raise RowError(str(e)) from e
        return {name: result.numpy() for name, result in zip(names, results, strict=True)}

    def _select_outputs(self, names: tuple[str, ...]) -> Callable[..., Any]:
        """A function that computes only `names`: what only other outputs need is pruned from its graph.

        For the pooled output alone an export has a signature that does less work.
        """
        signatures = self._loaded.signatures
        outputs = names
        if names == ("pooled_output",) and POOLED_SIGNATURE in signatures:
            signature, outputs = signatures[POOLED_SIGNATURE], (POOLED_SIGNATURE_OUTPUT,)
        else:
            signature = signatures[TOKENS_SIGNATURE]

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name=name) for name in INPUT_NAMES])
        def run_signature(input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> tuple[tf.Tensor, ...]:
            results = signature(input_ids=input_ids, input_mask=input_mask, segment_ids=segment_ids)
            return tuple(results[output] for output in outputs)

        return _freeze(run_signature) if self._frozen else run_signature


def _gains_from_constants(directory: Path) -> bool:
    """Whether the model's weights had better be constants: half precision, on a CPU, with memory for packed copies.

    In float32 constants gain nothing (benchmarks/NOTES.md, 2026-11-25), and a GPU packs nothing.
    """
    if read_precision(directory) == "float32" or tf.config.list_physical_devices("GPU"):
        return False
    return count_packed_bytes(read_config(directory / "assets" / CONFIG_FILE)) <= _MOST_PACKED_BYTES


def count_packed_bytes(config: AlbertConfig) -> int:
    """Bytes of the packed copies in half precision: one for each multiplication, of which a layer's are repeated."""
    layer = config.hidden_size * (4 * config.hidden_size + 2 * config.intermediate_size)
    return 2 * layer * config.num_hidden_layers * config.inner_group_num


def _freeze(function: tf.types.experimental.GenericFunction) -> Callable[..., Any]:
    """`function` with its variables made constants, whose packed form oneDNN keeps.

    Of a variable's weights oneDNN makes a packed copy in every call. In bfloat16, where the multiplication itself is
    fast (AMX), that copy took a third of the time: ALBERT-base ran 1.4 to 1.6 times as fast with constants.
    """
    return convert_variables_to_constants_v2(function.get_concrete_function())  # type: ignore[no-any-return]


def _share_gpus() -> None:
    """Lets TensorFlow take GPU memory as it needs it, not all of it at once: other processes may use the same GPU."""
    for gpu in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # it is in use already, as it was set up first
            tf.config.experimental.set_memory_growth(gpu, True)
