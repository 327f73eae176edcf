"""What the JAX engine compiles: from a laid batch to the outputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.jax_engine.attention import (
    flat_attention,
    flat_masked_attention,
    fused_attention,
    masked_attention,
)
from albert_embed.model.jax_engine.encoder import JaxWeights, TokenInputs, encode_tokens, pool_first_tokens
from albert_embed.model.jax_engine.layout import Shape
from albert_embed.transforms.rows.columns import MEAN_OUTPUT, POOLED_OUTPUT, SEQUENCE_OUTPUT

_FLAT = {"flat": flat_attention, "flat_masked": flat_masked_attention}
_PADDED = {"fused": fused_attention, "masked": masked_attention}


def compute_outputs(
    weights: JaxWeights,
    tokens: Any,
    starts: Any,
    lengths: Any,
    *,
    config: AlbertConfig,
    shape: Shape,
    attention: str,
    names: tuple[str, ...],
) -> dict[str, jax.Array]:
    """Returns the outputs `names` of a laid batch, float32.

    Args:
      weights: of the export.
      tokens: as in `jax_layout.LaidBatch`; `starts` and `lengths` too.
      starts: see above.
      lengths: see above.
      config: the encoder's.
      shape: the batch's.
      attention: `flat`, `flat_masked`, `fused` or `masked`.
      names: the outputs.

    Returns:
      `pooled_output` and `mean_output` `[slots or rows, hidden]`, `sequence_output` `[rows · length, hidden]`. What
      belongs to no text means nothing.
    """
    if attention in _FLAT:
        attend = _FLAT[attention](shape.length, starts, lengths)
    else:
        # A row without a text attends to its first token, so that softmax has something to divide by.
        attend = _PADDED[attention](shape.rows, shape.length, jnp.maximum(lengths, 1))
    hidden = encode_tokens(weights, TokenInputs(*tokens), config, attend)
    outputs = {}
    if POOLED_OUTPUT in names:
        outputs[POOLED_OUTPUT] = pool_first_tokens(weights, hidden[starts[:-1]])
    if MEAN_OUTPUT in names:
        places = starts[:-1, jnp.newaxis] + jnp.arange(shape.length)
        real = jnp.arange(shape.length) < lengths[:, jnp.newaxis]
        # Not a product: what stands beyond a text may be anything.
        values = jnp.where(real[:, :, jnp.newaxis], hidden[places].astype(jnp.float32), 0.0)
        outputs[MEAN_OUTPUT] = values.sum(axis=1) / jnp.maximum(lengths, 1)[:, jnp.newaxis]
    if SEQUENCE_OUTPUT in names:
        outputs[SEQUENCE_OUTPUT] = hidden.astype(jnp.float32)
    return outputs
