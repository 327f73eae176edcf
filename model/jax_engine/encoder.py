"""The ALBERT encoder in JAX, over tokens one after another, for a GPU.

It computes what `model.architecture.encoder` does, from the weights of the same export. Dense layers see single
tokens. Only attention needs to know which belong together, and is given as a function (`model.jax_engine.attention`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from albert_embed.model.architecture.config import AlbertConfig

# Nested by the names in the export: {"groups": {"0": {"0": {"query_key_value": {"kernel": …}}}}, …}.
JaxWeights = Mapping[str, Any]
# Query, key and value, each `[tokens, heads, size]` and the query scaled, to the context of the same shape.
Attention = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


class TokenInputs(NamedTuple):
    """What the embeddings of tokens are looked up by, each int32 `[tokens]`."""

    input_ids: Any
    segment_ids: Any
    positions: Any


def encode_tokens(weights: JaxWeights, inputs: TokenInputs, config: AlbertConfig, attend: Attention) -> jax.Array:
    """Returns the last layer's output `[tokens, hidden]`, in the precision of the weights.

    The matrix multiplications are in that precision, layer norm and softmax in float32.
    """
    embedded = weights["word_embeddings"][inputs.input_ids].astype(jnp.float32)
    embedded += weights["position_embeddings"][inputs.positions]
    embedded += weights["token_type_embeddings"][inputs.segment_ids]
    hidden = _norm(weights["embeddings_norm"], embedded, config).astype(weights["word_embeddings"].dtype)
    if "mapping" in weights:
        hidden = dense(weights["mapping"], hidden)
    for group, repeats in _repeats_of_groups(config):
        inner_layers = [weights["groups"][str(group)][str(inner)] for inner in range(config.inner_group_num)]

        def apply_group(_: int, hidden: jax.Array, inner_layers: list[JaxWeights] = inner_layers) -> jax.Array:
            for inner in inner_layers:
                hidden = _layer(inner, hidden, config, attend)
            return hidden

        # A loop, so that a layer that is shared is compiled once.
        hidden = jax.lax.fori_loop(0, repeats, apply_group, hidden)
    return hidden


def pool_first_tokens(weights: JaxWeights, first: jax.Array) -> jax.Array:
    """Returns `pooled_output` float32 `[texts, hidden]` of the first token of each text."""
    return jnp.tanh(dense(weights["pooler"], first)).astype(jnp.float32)


def factor_precision(values: jax.Array) -> jax.lax.Precision:
    """Keeps all digits of float32 factors, which a GPU rounds by default."""
    return jax.lax.Precision.HIGHEST if values.dtype == jnp.float32 else jax.lax.Precision.DEFAULT


def _repeats_of_groups(config: AlbertConfig) -> list[tuple[int, int]]:
    """Returns each group of shared weights, with how many layers in a row use it."""
    used = [config.group_of_layer(layer) for layer in range(config.num_hidden_layers)]
    return [(group, used.count(group)) for group in sorted(set(used))]


def _multiply(left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.matmul(left, right, precision=factor_precision(left))


def dense(weights: JaxWeights, inputs: jax.Array) -> jax.Array:
    """Returns what a dense layer gives for `[…, inputs]`, before its activation, in the precision of its inputs."""
    return _multiply(inputs, weights["kernel"]) + weights["bias"]


def _norm(weights: JaxWeights, inputs: jax.Array, config: AlbertConfig) -> jax.Array:
    """Normalises the last axis, in float32."""
    values = inputs.astype(jnp.float32)
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    normed = centred * jax.lax.rsqrt(variance + config.layer_norm_eps)
    return (normed * weights["gamma"] + weights["beta"]).astype(inputs.dtype)


def _layer(weights: JaxWeights, hidden: jax.Array, config: AlbertConfig, attend: Attention) -> jax.Array:
    """Applies one transformer layer to `[tokens, hidden]`."""
    heads = (hidden.shape[0], config.num_attention_heads, config.head_size)
    kernels = jnp.split(weights["query_key_value"]["kernel"], 3, axis=1)
    biases = jnp.split(weights["query_key_value"]["bias"], 3)
    # Three multiplications, not one: fused attention wants each of the three in a block of its own.
    query, key, value = (
        (_multiply(hidden, kernel) + bias).reshape(heads) for kernel, bias in zip(kernels, biases, strict=True)
    )
    context = attend(query, key, value).reshape(hidden.shape)
    hidden = _norm(weights["attention_norm"], dense(weights["attention_output"], context) + hidden, config)
    intermediate = _activate(dense(weights["intermediate"], hidden), config)
    return _norm(weights["output_norm"], dense(weights["intermediate_output"], intermediate) + hidden, config)


def _activate(values: jax.Array, config: AlbertConfig) -> jax.Array:
    if config.hidden_act == "relu":
        return jax.nn.relu(values)
    return jax.nn.gelu(values, approximate=config.hidden_act == "gelu_tanh")
