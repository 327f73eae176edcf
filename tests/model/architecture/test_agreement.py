"""How outputs agree, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from albert_embed.model.architecture.agreement import Agreement, Bound, compare_outputs

MASK = np.array([[1, 1], [1, 0]])


def test_vectors_and_sequences() -> None:
    expected = {
        "pooled_output": np.array([[3.0, 4.0], [0.0, 0.0]], np.float32),
        "sequence_output": np.array([[[1, 0], [0, 2]], [[5, 0], [9, 9]]], np.float32),
        "not_there": np.zeros((2, 2), np.float32),
    }
    found = {
        "pooled_output": np.array([[4.0, 3.0], [0.0, 0.0]], np.float32),
        "sequence_output": np.array([[[1, 0], [0, 2.5]], [[5, 0], [np.nan, 0]]], np.float32),  # NaN where padding is
    }
    agreements = compare_outputs(found, expected, MASK)
    assert agreements == {
        "pooled_output": Agreement(smallest_cosine=0.96, largest_difference=1.0, largest_value=4.0),
        "sequence_output": Agreement(smallest_cosine=1.0, largest_difference=0.5, largest_value=5.0),
    }


def test_a_vector_of_zeros_agrees_with_itself_alone() -> None:
    zeros, ones = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    assert compare_outputs({"a": zeros}, {"a": zeros}, MASK)["a"].smallest_cosine == 1.0
    assert compare_outputs({"a": zeros}, {"a": ones}, MASK)["a"].smallest_cosine == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["found", "expected"])
def test_what_is_not_finite_is_within_no_bound(value: float, side: str) -> None:
    outputs = {"found": np.ones((2, 2), np.float32), "expected": np.ones((2, 2), np.float32)}
    outputs[side][1, 1] = value
    agreement = compare_outputs({"a": outputs["found"]}, {"a": outputs["expected"]}, MASK)["a"]
    assert np.isnan([agreement.smallest_cosine, agreement.largest_difference, agreement.largest_value]).all()
    assert not Bound(min_cosine=-1.0, max_difference=np.inf).holds(agreement)


@pytest.mark.parametrize(
    ("cosine", "difference", "largest", "holds"),
    [
        (0.99, 0.1, 0.5, True),
        (0.98, 0.1, 0.5, False),
        (0.99, 0.11, 0.5, False),
        (0.99, 0.11, 1.1, True),  # in proportion to what is expected where that is above 1
        (0.99, 0.12, 1.1, False),
    ],
)
def test_both_parts_of_a_bound(cosine: float, difference: float, largest: float, holds: bool) -> None:
    agreement = Agreement(smallest_cosine=cosine, largest_difference=difference, largest_value=largest)
    assert Bound(min_cosine=0.99, max_difference=0.1).holds(agreement) is holds
