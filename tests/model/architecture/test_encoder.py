"""The encoder beside what the golden cases show: precisions, and sizes that they don't have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.model.architecture.encoder import AlbertEncoder
from albert_embed.model.architecture.precision import PRECISIONS
from tests.tiny_model import TINY, make_inputs, make_weights, replace

LENGTHS = [40, 17, 5, 2]


def run(encoder: AlbertEncoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inputs = make_inputs(encoder.config, LENGTHS)
    pooled, sequence = encoder(*(tf.constant(value) for value in inputs.values()))
    return pooled.numpy(), sequence.numpy(), inputs["input_mask"].astype(bool)


def test_there_are_three_precisions() -> None:
    assert PRECISIONS == ("float32", "bfloat16", "float16")


# The most that each may differ: a few times what its mantissa (8 and 11 bits) loses in outputs of up to about 3.
@pytest.mark.parametrize(
    ("precision", "pooled_most", "sequence_most"), [("bfloat16", 0.1, 0.25), ("float16", 0.01, 0.02)]
)
def test_a_lower_precision_stays_near_float32(precision: Any, pooled_most: float, sequence_most: float) -> None:
    weights = make_weights(TINY)
    pooled, sequence, real = run(AlbertEncoder(TINY, weights, precision))
    exact_pooled, exact_sequence, _ = run(AlbertEncoder(TINY, weights))
    assert pooled.dtype == sequence.dtype == np.float32
    pooled_difference = np.abs(pooled - exact_pooled).max()
    sequence_difference = np.abs(sequence - exact_sequence)[real].max()
    assert 0 < pooled_difference <= pooled_most
    assert 0 < sequence_difference <= sequence_most


def test_weights_are_stored_in_the_precision() -> None:
    encoder = AlbertEncoder(TINY, make_weights(TINY), "bfloat16")
    assert encoder.word_embeddings.dtype == tf.bfloat16
    assert encoder.pooler is not None
    assert encoder.pooler.kernel.dtype == tf.bfloat16


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^precision must be one of float32, bfloat16, float16, not 'int8'$"):
        AlbertEncoder(TINY, make_weights(TINY), "int8")  # type: ignore[arg-type]


def test_every_weight_has_a_part_in_the_result() -> None:
    weights = dict(make_weights(TINY))
    expected = np.concatenate([part.ravel() for part in run(AlbertEncoder(TINY, weights))[:2]])
    idle = []
    for name in weights:
        # Scaled: a shift of the key's bias alone changes no softmax, so that one is left out.
        changed = {**weights, name: weights[name] * np.float32(1.5)}
        found = np.concatenate([part.ravel() for part in run(AlbertEncoder(TINY, changed))[:2]])
        if np.abs(found - expected).max() < 1e-4:
            idle.append(name)
    assert [name for name in idle if not name.endswith("self/key/bias")] == []


def test_without_a_mapping_the_embeddings_go_in_as_they_are() -> None:
    config = replace(TINY, embedding_size=16)
    weights = dict(make_weights(config))
    identity = {
        **weights,
        "encoder/embedding_hidden_mapping_in/kernel": np.eye(16, dtype=np.float32),
        "encoder/embedding_hidden_mapping_in/bias": np.zeros(16, np.float32),
    }
    bare = {name: value for name, value in weights.items() if "embedding_hidden_mapping_in" not in name}
    pooled, sequence, real = run(AlbertEncoder(config, bare))
    expected_pooled, expected_sequence, _ = run(AlbertEncoder(config, identity))
    np.testing.assert_allclose(pooled, expected_pooled, atol=1e-5, rtol=0)
    np.testing.assert_allclose(sequence[real], expected_sequence[real], atol=1e-5, rtol=0)


def test_more_segments_than_two() -> None:
    config = replace(TINY, type_vocab_size=3)
    encoder = AlbertEncoder(config, make_weights(config))
    ids = np.full((3, 4), 9, np.int32)
    segments = np.repeat(np.arange(3, dtype=np.int32)[:, np.newaxis], 4, axis=1)
    pooled, _ = encoder(tf.constant(ids), tf.constant(np.ones_like(ids)), tf.constant(segments))
    assert np.abs(pooled[0] - pooled[2]).max() > 1e-3 and np.abs(pooled[1] - pooled[2]).max() > 1e-3
