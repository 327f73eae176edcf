"""`sentence_embedding` in JAX: what `model.architecture.sentence_head` does with pooled vectors, all in float32."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from albert_embed.model.architecture.sentence_modules import MIN_NORM, NORMALIZE, SentenceOutline
from albert_embed.model.jax_engine.encoder import JaxWeights, dense

_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "identity": lambda values: values,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "gelu": functools.partial(jax.nn.gelu, approximate=False),
    "sigmoid": jax.nn.sigmoid,
}


def apply_sentence_steps(weights: JaxWeights, outline: SentenceOutline, pooled: jax.Array) -> jax.Array:
    """Returns `sentence_embedding` float32 `[texts, width]`.

    Args:
      weights: of the export, those of the head among them.
      outline: of the head.
      pooled: float32 `[texts, hidden]`, as its pooling gives it.
    """
    values = pooled
    for number, step in enumerate(outline.steps):
        if step == NORMALIZE:
            values = values / jnp.maximum(jnp.linalg.norm(values, axis=-1, keepdims=True), MIN_NORM)
        else:
            values = _ACTIVATIONS[step](dense(weights["sentence_head"]["steps"][str(number)], values))
    return values
