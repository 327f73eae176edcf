"""Vectors that are cut and scaled to length 1, and which ones may be cut."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.model.architecture.shape_vectors import shape_vectors
from albert_embed.model.architecture.vector_shape import VectorShape, check_dimensions
from tests.pipeline.embedded_rows import HIDDEN, make_rows

LENGTHS = [2, 5, 3]


@pytest.mark.parametrize(("dimensions", "normalize"), [(None, True), (2, False), (2, True), (HIDDEN, True), (1, True)])
def test_every_vector_is_cut_and_then_normalised(dimensions: int | None, normalize: bool) -> None:
    rows = make_rows(LENGTHS)
    step = partial(
        shape_vectors,
        columns=["mean_output", "sequence_output"],
        shape=VectorShape(dimensions=dimensions, normalize=normalize),
    )
    for given in (rows, rows.slice(1), rows.slice(1, 1)):
        shaped = pickle.loads(pickle.dumps(step))(given)
        assert shaped.schema.equals(given.schema)
        assert shaped.column("pooled_output").equals(given.column("pooled_output"))
        for name in ("mean_output", "sequence_output"):
            for found, whole in zip(shaped.column(name).to_pylist(), given.column(name).to_pylist(), strict=True):
                vectors = np.reshape(whole, (-1, HIDDEN))[:, :dimensions]
                if normalize:
                    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
                    vectors = vectors / np.where(lengths > 0, lengths, 1)
                np.testing.assert_allclose(found, vectors.reshape(-1), atol=1e-7)


def test_a_vector_of_zeros_stays_as_it_is() -> None:
    rows = make_rows([2]).drop_columns(["mean_output"])
    rows = rows.append_column("mean_output", float_lists(np.zeros(HIDDEN, np.float32), np.array([HIDDEN])))
    shaped = shape_vectors(rows, columns=["mean_output"], shape=VectorShape(normalize=True))
    assert shaped.column("mean_output").to_pylist() == [[0.0] * HIDDEN]


def test_large_values_do_not_overflow() -> None:
    vectors = np.array([[3e38, -3e38, 0], [1e-38, 0, 0]], np.float32)
    np.testing.assert_allclose(
        VectorShape(normalize=True).apply(vectors), [[0.5**0.5, -(0.5**0.5), 0], [1, 0, 0]], rtol=1e-6
    )


def test_no_rows_and_no_change() -> None:
    rows = make_rows(LENGTHS)
    assert shape_vectors(rows, columns=["mean_output"], shape=VectorShape()) is rows
    empty = rows.slice(0, 0)
    assert shape_vectors(empty, columns=["mean_output"], shape=VectorShape(dimensions=2)).num_rows == 0


def test_dimensions_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match=r"^--dimensions must be at least 1, not 0$"):
        VectorShape(dimensions=0)


@pytest.mark.parametrize(
    ("dimensions", "widths", "trained", "message"),
    [
        (
            32,
            [("mean", 16)],
            (),
            "--dimensions is 32, but the vectors of --embeddings mean have 16 values; give at most",
        ),
        (8, [("mean", 16)], (), "--dimensions 8: nothing that was published with m says that it was trained for"),
        (8, [("sentence", 16)], (4, 12), "--dimensions 8: m was trained for vectors of 4, 12 values; give one of"),
        (
            8,
            [("sentence", 16), ("mean", 16)],
            (8,),
            "--dimensions 8: m was trained for shortened vectors of --embeddings sentence, not of mean",
        ),
    ],
)
def test_vectors_that_may_not_be_cut(dimensions: int, widths: Any, trained: Any, message: str) -> None:
    with pytest.raises(ValueError) as error:
        check_dimensions(dimensions, widths, trained=trained, model="m", accept=False)
    assert str(error.value).startswith(message)
    if dimensions <= 16:
        assert "--accept-dimensions" in str(error.value)
        check_dimensions(dimensions, widths, trained=trained, model="m", accept=True)
    else:
        with pytest.raises(ValueError, match="give at most that"):
            check_dimensions(dimensions, widths, trained=trained, model="m", accept=True)


def test_vectors_that_may_be_cut() -> None:
    check_dimensions(8, [("sentence", 16)], trained=(4, 8), model="m", accept=False)
    check_dimensions(16, [("mean", 16)], trained=(), model="m", accept=False)  # nothing is cut
    check_dimensions(8, [("sentence", 16), ("mean", 8)], trained=(8,), model="m", accept=False)
