"""`SentenceHead`: what sentence-transformers does with token vectors, as a part of the export; all in float32."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from albert_embed.model.architecture.sentence_modules import MIN_NORM, DenseActivation, DenseLayer, SentenceModules

_ACTIVATIONS: dict[DenseActivation, Callable[[tf.Tensor], tf.Tensor]] = {
    "identity": tf.identity,
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "gelu": lambda values: tf.nn.gelu(values, approximate=False),
    "sigmoid": tf.sigmoid,
}


class SentenceHead(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """`SentenceModules` as TensorFlow ops."""

    def __init__(self, modules: SentenceModules) -> None:
        super().__init__(name="sentence_head")
        self.outline = modules.outline
        # A public name: the engine for GPUs finds the weights by it (`model.jax_engine.weights`).
        self.steps: list[Callable[[tf.Tensor], tf.Tensor]] = [
            _DenseStep(step) if isinstance(step, DenseLayer) else _normalize for step in modules.steps
        ]

    def __call__(self, sequence_output: tf.Tensor, input_mask: tf.Tensor) -> tf.Tensor:
        """Returns `sentence_embedding` float32 `[batch, width]`.

        Args:
          sequence_output: float32 `[batch, seq, hidden]`.
          input_mask: int32 `[batch, seq]`, 1 at real tokens.
        """
        if self.outline.pooling == "cls":
            values = sequence_output[:, 0]
        else:
            real = tf.cast(input_mask, tf.float32)[:, :, tf.newaxis]
            # Not a product: what stands at padded positions may be anything.
            kept = tf.where(real > 0, sequence_output, 0.0)
            values = tf.reduce_sum(kept, axis=1) / tf.reduce_sum(real, axis=1)
        for step in self.steps:
            values = step(values)
        return values


class _DenseStep(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    def __init__(self, layer: DenseLayer) -> None:
        super().__init__(name="sentence_dense")
        self.kernel = tf.Variable(layer.kernel, dtype=tf.float32, trainable=False, name="sentence_dense/kernel")
        self.bias = tf.Variable(layer.bias, dtype=tf.float32, trainable=False, name="sentence_dense/bias")
        self._activate = _ACTIVATIONS[layer.activation]

    def __call__(self, values: tf.Tensor) -> tf.Tensor:
        return self._activate(tf.nn.bias_add(tf.matmul(values, self.kernel), self.bias))


def _normalize(values: tf.Tensor) -> tf.Tensor:
    return values / tf.maximum(tf.norm(values, axis=-1, keepdims=True), MIN_NORM)
