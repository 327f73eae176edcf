"""The encoder against the outputs of the original implementations (`tests/golden`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.model.architecture.encoder import AlbertEncoder
from albert_embed.model.published.published_model import open_published_model
from tests.tiny_model import GOLDEN

CASES = sorted(path.parent for path in GOLDEN.glob("albert_*/*/expected.npz"))
TOLERANCE = 1e-5
NAMES = ("input_ids", "input_mask", "segment_ids")


def load_case(case: Path) -> tuple[AlbertEncoder, dict[str, np.ndarray]]:
    with open_published_model(str(case)) as published:
        encoder = AlbertEncoder(published.config, published.read_weights().weights)
    with np.load(case / "expected.npz") as arrays:
        return encoder, dict(arrays)


def encode(encoder: AlbertEncoder, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    pooled, sequence = encoder(*(tf.constant(inputs[name]) for name in NAMES))
    return pooled.numpy(), sequence.numpy()


def test_every_case_is_here() -> None:
    assert [f"{case.parent.name}/{case.name}" for case in CASES] == [
        "albert_hf/gelu_erf",
        "albert_hf/gelu_new",
        "albert_hf/groups2",
        "albert_tf1/groups2",
        "albert_tf1/inner2",
        "albert_tf1/relu_wide",
        "albert_tf1/shared_layers",
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_both_outputs_are_those_of_the_original(case: Path) -> None:
    encoder, expected = load_case(case)
    pooled, sequence = encode(encoder, expected)
    assert pooled.dtype == sequence.dtype == np.float32
    assert pooled.shape == expected["pooled_output"].shape and sequence.shape == expected["sequence_output"].shape
    real = expected["input_mask"].astype(bool)
    assert real.any(axis=1).all() and not real.all()  # the case has padding, or it would prove less
    assert np.abs(pooled - expected["pooled_output"]).max() <= TOLERANCE
    assert np.abs(sequence - expected["sequence_output"])[real].max() <= TOLERANCE


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_the_pooled_output_alone_is_that_of_the_original(case: Path) -> None:
    encoder, expected = load_case(case)
    pooled = encoder.pool(*(tf.constant(expected[name]) for name in NAMES)).numpy()
    assert pooled.dtype == np.float32 and pooled.shape == expected["pooled_output"].shape
    assert np.abs(pooled - expected["pooled_output"]).max() <= TOLERANCE


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_row_does_not_depend_on_its_company_or_its_padding(case: Path) -> None:
    encoder, inputs = load_case(case)
    lengths = inputs["input_mask"].sum(axis=1)
    batch = encode(encoder, inputs)
    for row, length in enumerate(lengths):
        alone = encode(encoder, {name: inputs[name][row : row + 1, :length] for name in NAMES})
        padded = {name: np.pad(inputs[name][row : row + 1, :length], ((0, 0), (0, 17))) for name in NAMES}
        # What stands in padding must not matter either.
        padded["input_ids"][:, length:] = 7
        other = encode(encoder, padded)
        company = {name: np.concatenate([padded[name], padded[name][:, ::-1]]) for name in NAMES}
        in_company = encode(encoder, company)
        for pooled, sequence in (batch_row(batch, row), batch_row(other, 0), batch_row(in_company, 0)):
            assert np.abs(pooled - alone[0][0]).max() <= TOLERANCE
            assert np.abs(sequence[:length] - alone[1][0]).max() <= TOLERANCE


def batch_row(outputs: tuple[np.ndarray, np.ndarray], row: int) -> tuple[np.ndarray, np.ndarray]:
    return outputs[0][row], outputs[1][row]


def test_the_activation_and_the_segments_show_in_the_outputs() -> None:
    """Else the cases above could pass with either ignored."""
    case = GOLDEN / "albert_hf" / "gelu_erf"
    encoder, expected = load_case(case)
    object.__setattr__(encoder.config, "hidden_act", "gelu_tanh")
    pooled, _ = encode(encoder, expected)
    assert np.abs(pooled - expected["pooled_output"]).max() > TOLERANCE
    encoder, expected = load_case(case)
    pooled, _ = encode(encoder, {**expected, "segment_ids": 1 - expected["segment_ids"]})
    assert np.abs(pooled - expected["pooled_output"]).max() > 1e-2
