"""Attention for the encoder: by a mask, by cuDNN's fused kernel in padded rows, and by it without padding."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from albert_embed.model.jax_engine.encoder import Attention, factor_precision

_MASKED_SCORE = -1e30


def masked_attention(rows: int, length: int, lengths: jax.Array) -> Attention:
    """Returns attention in padded rows, as any device computes it; softmax in float32."""
    real = jnp.arange(length) < lengths[:, jnp.newaxis]

    def attend(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
        precision = factor_precision(query)
        query, key, value = (part.reshape(rows, length, *part.shape[1:]) for part in (query, key, value))
        scores = jnp.einsum("btnh,bsnh->bnts", query, key, precision=precision, preferred_element_type=jnp.float32)
        scores = jnp.where(real[:, jnp.newaxis, jnp.newaxis, :], scores, _MASKED_SCORE)
        weights = jax.nn.softmax(scores, axis=-1).astype(value.dtype)
        return jnp.einsum("bnts,bsnh->btnh", weights, value, precision=precision)

    return attend


def fused_attention(rows: int, length: int, lengths: jax.Array) -> Attention:
    """Returns the same by cuDNN's fused kernel, which never writes the scores; float16 and bfloat16 only."""

    def attend(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
        query, key, value = (part.reshape(rows, length, *part.shape[1:]) for part in (query, key, value))
        # Padded queries are computed too: memory that nobody has written could hold NaN.
        return jax.nn.dot_product_attention(
            query,
            key,
            value,
            scale=1.0,  # it is in the query's weights
            query_seq_lengths=jnp.full((rows,), length, jnp.int32),
            key_value_seq_lengths=lengths,
            implementation="cudnn",
        )

    return attend


def flat_attention(longest: int, starts: jax.Array, lengths: jax.Array) -> Attention:
    """Returns attention of texts that lie one after the other without padding, each to itself.

    cuDNN's kernel does this from Hopper on. JAX has no public name for it; what `jax.nn` calls below it works out the
    places anew in every layer, which costs a tenth to a half of all (benchmarks/NOTES.md).

    Args:
      longest: no text is longer; it divides the number of tokens.
      starts: int32 `[slots + 1]`, where each text starts; then, and for slots without a text, the number of tokens.
      lengths: int32 `[slots]`, tokens of each text; 0 for slots without one.
    """
    from jax._src.cudnn import fused_attention_stablehlo as cudnn

    slots = lengths.shape[0]

    def attend(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
        tokens, heads, size = query.shape
        rows = tokens // longest
        # The kernel reads `slots + 1` places and knows them by this shape; rows mean nothing to it.
        places = jnp.full(rows * (slots // rows + 1), tokens, jnp.int32).at[: slots + 1].set(starts) * (heads * size)
        places = places.reshape(rows, slots // rows + 1)
        counts = lengths.reshape(rows, slots // rows)
        unused = jnp.zeros(0, query.dtype)
        (context,) = cudnn._dot_product_attention_fwd_p.bind(
            *(part.reshape(rows, longest, heads, size) for part in (query, key, value)),
            unused,
            counts,
            counts,
            places,
            places,
            unused,
            unused,
            scale=1.0,
            seed=42,
            dropout_rate=0.0,
            variadic_args=(False, False),
            mask_type=cudnn.MaskType.PADDING,
            layout=cudnn.AttentionLayout.BTNH.value,
            sliding_window_length=None,
            is_training=False,
        )
        return context.reshape(query.shape)

    return attend


def flat_masked_attention(longest: int, starts: jax.Array, lengths: jax.Array) -> Attention:
    """Returns the same by a mask over all pairs of tokens: for small batches, to compare with."""
    del longest, lengths

    def attend(query: jax.Array, key: jax.Array, value: jax.Array) -> jax.Array:
        precision = factor_precision(query)
        text = jnp.searchsorted(starts, jnp.arange(query.shape[0]), side="right")
        scores = jnp.einsum("tnh,snh->nts", query, key, precision=precision, preferred_element_type=jnp.float32)
        scores = jnp.where(text[:, jnp.newaxis] == text[jnp.newaxis, :], scores, _MASKED_SCORE)
        weights = jax.nn.softmax(scores, axis=-1).astype(value.dtype)
        return jnp.einsum("nts,snh->tnh", weights, value, precision=precision)

    return attend


def choose_attention(dtype: np.dtype, head_size: int) -> str:
    """Returns `flat`, `fused` or `masked`: the fastest that this machine's device has for the precision."""
    device = jax.devices()[0]
    capability = str(getattr(device, "compute_capability", "0"))
    if device.platform != "gpu" or dtype == np.float32 or head_size % 8 or head_size > 128:
        return "masked"
    generation = float(capability) if capability.replace(".", "", 1).isdigit() else 0.0
    if generation >= 9.0:
        return "flat"
    return "fused" if generation >= 8.0 else "masked"
