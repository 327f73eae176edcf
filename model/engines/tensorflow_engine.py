"""Executes a SavedModel with TensorFlow, on CPU or GPU."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from albert_embed.model.directory.model_directory import (
    INPUT_NAMES,
    POOLED_SIGNATURE,
    POOLED_SIGNATURE_OUTPUT,
    TOKENS_SIGNATURE,
    load_saved_model,
    read_model_config,
)
from albert_embed.model.engines.engine import Engine, OutOfMemoryError, RowError
from albert_embed.model.engines.gpu_replicas import GpuReplicas
from albert_embed.model.engines.refuse_rows import refuse_rows
from albert_embed.transforms.rows.columns import MEAN_OUTPUT, POOLED_OUTPUT, SEQUENCE_OUTPUT


class TensorFlowEngine:
    """The signatures of a SavedModel in a local directory: an export or a TF1 Hub module."""

    name = "tensorflow"

    def __init__(self, directory: Path, *, device: str | None = None) -> None:
        """Loads the model; on the device of a name, such as `/GPU:1`, where one is given."""
        self._device = device
        self._config = read_model_config(directory)
        # The loaded object must live as long as its functions: it owns the variables.
        with tf.device(device):
            self._loaded = load_saved_model(directory)
        self._functions: dict[tuple[str, ...], tf.types.experimental.GenericFunction] = {}
        self._selecting = threading.Lock()

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns the named outputs for a padded batch; see `model.engines.engine.Engine.run`."""
        refuse_rows(inputs, self._config)
        names = tuple(sorted(outputs))
        with self._selecting:  # several batches may come at once, and each function is traced
            if names not in self._functions:
                self._functions[names] = self._select_outputs(names)
        try:
            with tf.device(self._device):
                results = self._functions[names](*(tf.constant(inputs[name]) for name in INPUT_NAMES))
        except (tf.errors.ResourceExhaustedError, MemoryError) as e:
            raise OutOfMemoryError(str(e)) from e
        except tf.errors.InvalidArgumentError as e:
            raise RowError(str(e)) from e
        return {name: result.numpy() for name, result in zip(names, results, strict=True)}

    def _select_outputs(self, names: tuple[str, ...]) -> tf.types.experimental.GenericFunction:
        """Returns a function that computes only `names`: what only other outputs need is pruned from its graph.

        For the pooled output alone an export has a signature that does less work.
        """
        signatures = self._loaded.signatures
        outputs = names
        if names == (POOLED_OUTPUT,) and POOLED_SIGNATURE in signatures:
            signature, outputs = signatures[POOLED_SIGNATURE], (POOLED_SIGNATURE_OUTPUT,)
        else:
            signature = signatures[TOKENS_SIGNATURE]

        @tf.function(  # type: ignore[untyped-decorator]  # TensorFlow has no types
            input_signature=[tf.TensorSpec([None, None], tf.int32, name=name) for name in INPUT_NAMES]
        )
        def run_signature(input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> tuple[tf.Tensor, ...]:
            results = dict(signature(input_ids=input_ids, input_mask=input_mask, segment_ids=segment_ids))
            if MEAN_OUTPUT in outputs:
                results[MEAN_OUTPUT] = _mean_of_real_tokens(results[SEQUENCE_OUTPUT], input_mask)
            return tuple(results[output] for output in outputs)

        return run_signature


def _mean_of_real_tokens(sequence: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Computes `padded_batch.mean_of_real_tokens` in the graph, so that a GPU keeps the sequence to itself."""
    real = mask[:, :, tf.newaxis] > 0
    kept = tf.where(real, tf.cast(sequence, tf.float64), 0.0)  # no product: padded positions may hold anything
    counts = tf.reduce_sum(tf.cast(real, tf.float64), axis=1)
    return tf.cast(tf.reduce_sum(kept, axis=1) / counts, tf.float32)


def load_tensorflow_engine(directory: Path, *, kind: str = "GPU") -> Engine:
    """Loads a model, on each GPU where the machine has several: TensorFlow by itself uses the first alone.

    Args:
      directory: an export or a TF1 Hub module.
      kind: of the devices.
    """
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        return TensorFlowEngine(directory)
    return GpuReplicas(lambda device: TensorFlowEngine(directory, device=f"/{device}"), devices)
