"""The ALBERT encoder in TensorFlow: one for base, large, xlarge, xxlarge, v1 and v2.

Lan et al., "ALBERT: A Lite BERT for Self-supervised Learning of Language Representations" (2019); the computation is
that of google-research/albert, modeling.py, without dropout, arranged for speed: query, key and value are one
multiplication, the attention scale is folded into the query's weights, and every dense layer sees a matrix
`[batch · seq, width]`.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from albert_embed.model.architecture.config import Activation, AlbertConfig
from albert_embed.model.architecture.precision import PRECISIONS, Precision
from albert_embed.model.architecture.sentence_head import SentenceHead
from albert_embed.model.architecture.sentence_modules import SentenceModules
from albert_embed.model.architecture.weights import (
    MAPPING_BIAS,
    MAPPING_KERNEL,
    POOLER_BIAS,
    POOLER_KERNEL,
    Weights,
    layer_prefix,
)

# Added to the score of a position that input_mask leaves out (google-research/albert, modeling.py,
# `create_attention_mask_from_input_mask`). exp of it is 0 in every precision, so padding adds exactly nothing.
_MASKED_SCORE = -10000.0


class _Dense(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """`x @ kernel + bias` over matrices."""

    def __init__(self, kernel: np.ndarray, bias: np.ndarray, dtype: tf.DType, name: str) -> None:
        super().__init__(name=name)
        self.kernel = tf.Variable(tf.cast(kernel, dtype), trainable=False, name=f"{name}/kernel")
        self.bias = tf.Variable(tf.cast(bias, dtype), trainable=False, name=f"{name}/bias")

    def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.bias_add(tf.matmul(inputs, self.kernel), self.bias)


class _LayerNorm(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Layer norm over the last axis, always in float32."""

    def __init__(self, gamma: np.ndarray, beta: np.ndarray, epsilon: float, name: str) -> None:
        super().__init__(name=name)
        self.gamma = tf.Variable(gamma, dtype=tf.float32, trainable=False, name=f"{name}/gamma")
        self.beta = tf.Variable(beta, dtype=tf.float32, trainable=False, name=f"{name}/beta")
        self._epsilon = epsilon

    def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
        values = tf.cast(inputs, tf.float32)
        mean = tf.reduce_mean(values, axis=-1, keepdims=True)
        centred = values - mean
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        return tf.cast(centred * tf.math.rsqrt(variance + self._epsilon) * self.gamma + self.beta, inputs.dtype)


def _activate(values: tf.Tensor, activation: Activation) -> tf.Tensor:
    if activation == "relu":
        return tf.nn.relu(values)
    return tf.nn.gelu(values, approximate=activation == "gelu_tanh")


class _Layer(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """One transformer layer: attention and feed-forward, each followed by its residual and layer norm."""

    def __init__(self, config: AlbertConfig, weights: Weights, prefix: str, dtype: tf.DType, name: str) -> None:
        super().__init__(name=name)
        self._config = config

        def dense(scope: str, name: str) -> _Dense:
            return _Dense(weights[f"{prefix}{scope}/kernel"], weights[f"{prefix}{scope}/bias"], dtype, name)

        def norm(scope: str, name: str) -> _LayerNorm:
            gamma, beta = weights[f"{prefix}{scope}/gamma"], weights[f"{prefix}{scope}/beta"]
            return _LayerNorm(gamma, beta, config.layer_norm_eps, name)

        scale = {"query": 1.0 / math.sqrt(config.head_size), "key": 1.0, "value": 1.0}
        attention = f"{prefix}attention_1/self/"
        self.query_key_value = _Dense(
            np.concatenate([weights[f"{attention}{part}/kernel"] * np.float32(scale[part]) for part in scale], axis=1),
            np.concatenate([weights[f"{attention}{part}/bias"] * np.float32(scale[part]) for part in scale]),
            dtype,
            "query_key_value",
        )
        self.attention_output = dense("attention_1/output/dense", "attention_output")
        self.attention_norm = norm("LayerNorm", "attention_norm")
        self.intermediate = dense("ffn_1/intermediate/dense", "intermediate")
        self.intermediate_output = dense("ffn_1/intermediate/output/dense", "intermediate_output")
        self.output_norm = norm("LayerNorm_1", "output_norm")

    def __call__(self, hidden: tf.Tensor, mask: tf.Tensor, batch: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        heads, head_size = self._config.num_attention_heads, self._config.head_size
        query_key_value = tf.reshape(self.query_key_value(hidden), [batch, length, 3, heads, head_size])
        query, key, value = tf.unstack(tf.transpose(query_key_value, [2, 0, 3, 1, 4]), num=3)
        context = tf.transpose(_attend(query, key, value, mask), [0, 2, 1, 3])
        return self._transform(tf.reshape(context, [batch * length, heads * head_size]), hidden)

    def first_token(self, hidden: tf.Tensor, mask: tf.Tensor, batch: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """Returns the layer's output for only the first token of each row, `[batch, hidden]`.

        It attends to all tokens, so only their keys and values are needed.
        """
        heads, head_size, width = self._config.num_attention_heads, self._config.head_size, self._config.hidden_size
        first = tf.reshape(hidden, [batch, length, width])[:, 0]
        kernel, bias = self.query_key_value.kernel, self.query_key_value.bias
        query = tf.nn.bias_add(tf.matmul(first, kernel[:, :width]), bias[:width])
        key_value = tf.nn.bias_add(tf.matmul(hidden, kernel[:, width:]), bias[width:])
        key_value = tf.reshape(key_value, [batch, length, 2, heads, head_size])
        key, value = tf.unstack(tf.transpose(key_value, [2, 0, 3, 1, 4]), num=2)
        context = _attend(tf.reshape(query, [batch, heads, 1, head_size]), key, value, mask)
        return self._transform(tf.reshape(context, [batch, width]), first)

    def _transform(self, context: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
        """Applies what follows attention: its output layer and the feed-forward, row by row."""
        hidden = self.attention_norm(self.attention_output(context) + hidden)
        intermediate = _activate(self.intermediate(hidden), self._config.hidden_act)
        return self.output_norm(self.intermediate_output(intermediate) + hidden)


def _attend(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Computes attention for `[batch, heads, seq, size]` queries, which are already scaled; softmax in float32."""
    scores = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32) + mask
    return tf.matmul(tf.cast(tf.nn.softmax(scores), value.dtype), value)


class AlbertEncoder(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """An ALBERT encoder.

    Args:
      config: its sizes.
      weights: with the names and shapes of `model.architecture.weights.weight_shapes`.
      precision: of the matrix multiplications and the stored weights. Layer norm, softmax and the outputs are always in
        float32.
      sentence: what makes one vector of a text's tokens; None where the model gives none.

    Raises:
      ValueError: if the precision is unknown.
    """

    def __init__(
        self,
        config: AlbertConfig,
        weights: Weights,
        precision: Precision = "float32",
        *,
        sentence: SentenceModules | None = None,
    ) -> None:
        super().__init__(name="albert")
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
        self.config = config
        dtype = tf.as_dtype(precision)
        self._dtype = dtype
        self.word_embeddings = tf.Variable(
            tf.cast(weights["embeddings/word_embeddings"], dtype), trainable=False, name="word_embeddings"
        )
        self.position_embeddings = tf.Variable(
            weights["embeddings/position_embeddings"], trainable=False, name="position_embeddings"
        )
        self.token_type_embeddings = tf.Variable(
            weights["embeddings/token_type_embeddings"], trainable=False, name="token_type_embeddings"
        )
        self.embeddings_norm = _LayerNorm(
            weights["embeddings/LayerNorm/gamma"],
            weights["embeddings/LayerNorm/beta"],
            config.layer_norm_eps,
            "embeddings_norm",
        )
        self.mapping = None
        if MAPPING_KERNEL in weights:
            self.mapping = _Dense(weights[MAPPING_KERNEL], weights[MAPPING_BIAS], dtype, "embedding_hidden_mapping_in")
        self.groups = [
            [
                _Layer(config, weights, layer_prefix(group, inner), dtype, f"group_{group}_inner_group_{inner}")
                for inner in range(config.inner_group_num)
            ]
            for group in range(config.num_hidden_groups)
        ]
        self.pooler = None
        if POOLER_KERNEL in weights:
            self.pooler = _Dense(weights[POOLER_KERNEL], weights[POOLER_BIAS], dtype, "pooler")

        self.sentence_head = None if sentence is None else SentenceHead(sentence)

    @property
    def output_names(self) -> tuple[str, ...]:
        """What `encode` gives: without a pooler among the weights there is no `pooled_output`."""
        pooled = () if self.pooler is None else ("pooled_output",)
        sentence = () if self.sentence_head is None else ("sentence_embedding",)
        return (*pooled, "sequence_output", *sentence)

    def __call__(
        self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns `pooled_output` and `sequence_output` of `encode`, of a model that has both."""
        outputs = self.encode(input_ids, input_mask, segment_ids)
        return outputs["pooled_output"], outputs["sequence_output"]

    def encode(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """Encodes a padded batch.

        Args:
          input_ids: `[batch, seq]` int32, `seq` at most `max_position_embeddings`.
          input_mask: `[batch, seq]` int32, 1 at real tokens and 0 at padding.
          segment_ids: `[batch, seq]` int32, below `type_vocab_size`.

        Returns:
          `output_names`: `pooled_output` `[batch, hidden]` and `sequence_output` `[batch, seq, hidden]`, both float32.
          Values at padded positions of the second mean nothing.
        """
        layers = self._inner_layers()
        hidden, mask, batch, length = self._embed(input_ids, input_mask, segment_ids)
        for layer in layers:
            hidden = layer(hidden, mask, batch, length)
        sequence_output = tf.reshape(hidden, [batch, length, self.config.hidden_size])
        outputs = {"sequence_output": tf.cast(sequence_output, tf.float32)}
        if self.pooler is not None:
            outputs["pooled_output"] = _pool(self.pooler, sequence_output[:, 0])
        if self.sentence_head is not None:
            outputs["sentence_embedding"] = self.sentence_head(outputs["sequence_output"], input_mask)
        return outputs

    def pool(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> tf.Tensor:
        """Returns only `pooled_output`, for which the last layer computes just the first token of each row.

        It takes what `__call__` takes. With 12 layers this saves 7 % of the multiplications.
        """
        *layers, last = self._inner_layers()
        hidden, mask, batch, length = self._embed(input_ids, input_mask, segment_ids)
        for layer in layers:
            hidden = layer(hidden, mask, batch, length)
        assert self.pooler is not None, "a model without a pooler has no signature that asks for it"
        return _pool(self.pooler, last.first_token(hidden, mask, batch, length))

    def _inner_layers(self) -> list[_Layer]:
        """Returns the layers in the order in which they are applied; most of them several times."""
        groups = (self.groups[self.config.group_of_layer(layer)] for layer in range(self.config.num_hidden_layers))
        return [inner_layer for group in groups for inner_layer in group]

    def _embed(
        self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the first layer's inputs: `[batch · seq, hidden]`, the mask to add to scores, batch and length."""
        shape = tf.shape(input_ids)
        batch, length = shape[0], shape[1]
        embedded = tf.cast(tf.gather(self.word_embeddings, input_ids), tf.float32)
        embedded += self.position_embeddings[:length]
        embedded += tf.gather(self.token_type_embeddings, segment_ids)
        hidden = tf.reshape(embedded, [batch * length, self.config.embedding_size])
        hidden = tf.cast(self.embeddings_norm(hidden), self._dtype)
        if self.mapping is not None:
            hidden = self.mapping(hidden)
        mask = (1.0 - tf.cast(input_mask, tf.float32))[:, tf.newaxis, tf.newaxis, :] * _MASKED_SCORE
        return hidden, mask, batch, length


def _pool(pooler: _Dense, first: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.tanh(pooler(first)), tf.float32)
