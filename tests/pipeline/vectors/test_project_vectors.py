"""Maps of vectors: what they keep, that a seed gives the same one again, and what to do where a package is missing."""

from __future__ import annotations

import importlib.util
import itertools

import numpy as np
import pytest

from albert_embed.pipeline.vectors.project_vectors import (
    check_map_method,
    find_principal_components,
    project_vectors,
)
from albert_embed.pipeline.vectors.report_options import MapMethod


def make_groups(groups: int = 3, rows: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Returns vectors in so many directions, with some noise, and the group of each."""
    generator = np.random.default_rng(4)
    centres = generator.normal(size=(groups, 12))
    labels = np.repeat(np.arange(groups), rows)
    return (centres[labels] + 0.1 * generator.normal(size=(len(labels), 12))).astype(np.float32), labels


def test_the_map_keeps_what_lies_in_a_plane() -> None:
    plane = np.random.default_rng(2).normal(size=(40, 2)) * [5, 1]
    vectors = (plane @ np.linalg.qr(np.random.default_rng(3).normal(size=(7, 2)))[0].T + 3).astype(np.float32)
    found, (first, second) = find_principal_components(vectors)
    assert first + second == pytest.approx(1, abs=1e-6) and first > second
    for i, j in itertools.combinations(range(10), 2):
        distance = np.linalg.norm(vectors[i] - vectors[j])
        assert np.linalg.norm(found[i] - found[j]) == pytest.approx(distance, abs=1e-4)
    assert (find_principal_components(vectors)[0] == found).all()


def test_principal_components_are_those_of_the_singular_value_decomposition() -> None:
    vectors = np.random.default_rng(5).normal(size=(9000, 5)).astype(np.float32) * [1, 5, 2, 3, 1] + 4
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    rows, scales, _ = np.linalg.svd(centred, full_matrices=False)
    found, shares = find_principal_components(vectors.astype(np.float32))
    np.testing.assert_allclose(np.abs(found), np.abs(rows[:, :2] * scales[:2]), atol=1e-3)
    assert shares == pytest.approx(tuple(scales[:2] ** 2 / (scales**2).sum()), abs=1e-5)


def test_vectors_of_one_value_and_of_zeros() -> None:
    found, shares = find_principal_components(np.array([[1], [3]], np.float32))
    assert sorted(found.tolist()) == [[-1, 0], [1, 0]] and shares == (1.0, 0.0)
    found, shares = find_principal_components(np.zeros((3, 4), np.float32))
    assert not found.any() and shares == (0.0, 0.0)


@pytest.mark.integration
@pytest.mark.parametrize(("method", "words"), [("tsne", "t-SNE of the cosines"), ("umap", "UMAP of the cosines")])
def test_a_seed_gives_the_same_map_and_groups_stay_together(method: MapMethod, words: str) -> None:
    vectors, labels = make_groups()
    found = project_vectors(vectors, method, seed=7)
    assert found.description.startswith(words) and "seed 7" in found.description
    assert found.coordinates.dtype == np.float32
    assert found.coordinates.shape == (60, 2)
    assert (project_vectors(vectors, method, seed=7).coordinates == found.coordinates).all()
    distances = np.linalg.norm(found.coordinates[:, np.newaxis] - found.coordinates, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_few_rows_get_principal_components(method: MapMethod) -> None:
    vectors = make_groups(groups=1, rows=4)[0]
    found = project_vectors(vectors, method, seed=1)
    assert found.description.startswith("The first two principal components")
    assert "There are too few rows for " in found.description
    assert (found.coordinates == find_principal_components(vectors)[0]).all()


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_vectors_that_other_methods_can_not_place(method: MapMethod) -> None:
    found = project_vectors(np.arange(20, dtype=np.float32)[:, np.newaxis], method, seed=1)
    assert " The vectors have too few values for " in found.description
    assert np.isfinite(found.coordinates).all() and found.coordinates.shape == (20, 2)


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
@pytest.mark.parametrize(
    "vectors",
    [np.ones((20, 4)), np.zeros((20, 4)), 1 + 1e-7 * np.eye(20, 4)],
    ids=["equal", "zeros", "equal but for rounding"],
)
def test_equal_vectors_are_one_point_and_not_a_map_of_rounding(method: MapMethod, vectors: np.ndarray) -> None:
    found = project_vectors(vectors.astype(np.float32), method, seed=1)
    assert found.description == "All vectors are equal, but for rounding: they are one point."
    assert found.coordinates.tolist() == [[0, 0]] * 20


def test_a_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "umap" else object())
    check_map_method("tsne")
    with pytest.raises(
        ValueError,
        match=r"^--map umap needs the package umap-learn, which is not installed; install albert-embed with the extra "
        r"maps, or choose --map pca$",
    ):
        check_map_method("umap")
