"""What the JAX engine compiles: from a laid batch to the outputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.sentence_modules import SentenceOutline
from albert_embed.model.jax_engine.attention import (
    flat_attention,
    flat_masked_attention,
    fused_attention,
    masked_attention,
)
from albert_embed.model.jax_engine.encoder import JaxWeights, TokenInputs, encode_tokens, pool_first_tokens
from albert_embed.model.jax_engine.layout import Shape
from albert_embed.model.jax_engine.sentence import apply_sentence_steps
from albert_embed.transforms.rows.columns import MEAN_OUTPUT, POOLED_OUTPUT, SENTENCE_EMBEDDING, SEQUENCE_OUTPUT

_FLAT = {"flat": flat_attention, "flat_masked": flat_masked_attention}
_PADDED = {"fused": fused_attention, "masked": masked_attention}


def compute_outputs(
    weights: JaxWeights,
    tokens: Any,
    starts: Any,
    lengths: Any,
    *,
    config: AlbertConfig,
    sentence: SentenceOutline | None,
    shape: Shape,
    attention: str,
    names: tuple[str, ...],
) -> dict[str, jax.Array]:
    """Returns the outputs `names` of a laid batch, float32.

    Args:
      weights: of the export.
      tokens, starts, lengths: as in `model.jax_engine.layout.LaidBatch`.
      config: the encoder's.
      sentence: what the sentence head does; only `sentence_embedding` needs it.
      shape: the batch's.
      attention: `flat`, `flat_masked`, `fused` or `masked`.
      names: the outputs.

    Returns:
      `pooled_output`, `mean_output` and `sentence_embedding` `[slots or rows, width]`, `sequence_output`
      `[rows · length, hidden]`. What belongs to no text means nothing.
    """
    if attention in _FLAT:
        attend = _FLAT[attention](shape.length, starts, lengths)
    else:
        # A row without a text attends to its first token, so that softmax has something to divide by.
        attend = _PADDED[attention](shape.rows, shape.length, jnp.maximum(lengths, 1))
    hidden = encode_tokens(weights, TokenInputs(*tokens), config, attend)
    first = hidden[starts[:-1]]
    outputs = {}
    if POOLED_OUTPUT in names:
        outputs[POOLED_OUTPUT] = pool_first_tokens(weights, first)
    if MEAN_OUTPUT in names:
        outputs[MEAN_OUTPUT] = _mean_of_texts(hidden, starts, lengths, shape.length)
    if SENTENCE_EMBEDDING in names:
        assert sentence is not None, "the engine has refused it"
        if sentence.pooling == "cls":
            pooled = first.astype(jnp.float32)
        else:
            pooled = _mean_of_texts(hidden, starts, lengths, shape.length)
        outputs[SENTENCE_EMBEDDING] = apply_sentence_steps(weights, sentence, pooled)
    if SEQUENCE_OUTPUT in names:
        outputs[SEQUENCE_OUTPUT] = hidden.astype(jnp.float32)
    return outputs


def _mean_of_texts(hidden: jax.Array, starts: Any, lengths: Any, longest: int) -> jax.Array:
    """Returns the mean over the tokens of each text, float32 `[slots or rows, hidden]`."""
    places = starts[:-1, jnp.newaxis] + jnp.arange(longest)
    real = jnp.arange(longest) < lengths[:, jnp.newaxis]
    # Not a product: what stands beyond a text may be anything.
    values = jnp.where(real[:, :, jnp.newaxis], hidden[places].astype(jnp.float32), 0.0)
    return values.sum(axis=1) / jnp.maximum(lengths, 1)[:, jnp.newaxis]
