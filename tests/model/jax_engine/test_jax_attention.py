"""Which attention a device gets; and that what this JAX has for cuDNN is what the engine asks of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")

BFLOAT16, FLOAT16 = np.dtype(jax.numpy.bfloat16), np.dtype(np.float16)


@pytest.mark.parametrize(
    ("platform", "capability", "dtype", "head_size", "attention"),
    [
        ("gpu", "9.0", BFLOAT16, 64, "flat"),
        ("gpu", "10.0", FLOAT16, 128, "flat"),
        ("gpu", "8.9", BFLOAT16, 64, "fused"),
        ("gpu", "8.0", FLOAT16, 64, "fused"),
        ("gpu", "7.5", FLOAT16, 64, "masked"),
        ("gpu", "9.0", np.dtype(np.float32), 64, "masked"),
        ("gpu", "9.0", BFLOAT16, 12, "masked"),
        ("gpu", "9.0", BFLOAT16, 136, "masked"),
        ("gpu", "gfx942", BFLOAT16, 64, "masked"),
        ("cpu", None, BFLOAT16, 64, "masked"),
    ],
)
def test_the_device_and_the_precision_decide(
    platform: str,
    capability: str | None,
    dtype: np.dtype,
    head_size: int,
    attention: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from albert_embed.model.jax_engine.attention import choose_attention

    device = SimpleNamespace(platform=platform)
    if capability is not None:
        device.compute_capability = capability
    monkeypatch.setattr(jax, "devices", lambda: [device])
    assert choose_attention(dtype, head_size) == attention


def test_attention_without_padding_is_a_call_of_cudnn() -> None:
    """It is made for a GPU here, where there is none: JAX has no public name for it, and another version may differ."""
    from albert_embed.model.jax_engine.attention import flat_attention

    longest, rows, slots, heads, size = 64, 2, 8, 2, 64
    part = jax.ShapeDtypeStruct((rows * longest, heads, size), jax.numpy.bfloat16)
    starts = jax.ShapeDtypeStruct((slots + 1,), jax.numpy.int32)
    lengths = jax.ShapeDtypeStruct((slots,), jax.numpy.int32)

    def attend(query: Any, key: Any, value: Any, starts: Any, lengths: Any) -> Any:
        return flat_attention(longest, starts, lengths)(query, key, value)

    traced = jax.jit(attend).trace(part, part, part, starts, lengths)
    program = traced.lower(lowering_platforms=("cuda",)).as_text()
    assert "__cudnn$fmha" in program
    assert traced.out_info.shape == part.shape
