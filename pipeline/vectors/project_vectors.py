"""`project_vectors`: a map of vectors, by principal components, t-SNE or UMAP."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np
import numpy.typing as npt

from albert_embed.pipeline.vectors.report_options import MapMethod

# t-SNE and UMAP look at each row's neighbours, and have nothing to look at in fewer rows than that.
_MIN_ROWS = 8
_PERPLEXITY = 30
_NEIGHBOURS = 15
# Rows in float64 at a time.
_ROWS_AT_ONCE = 8192
# Vectors whose values differ by no more, in proportion to the largest, are equal: a map of them would show rounding.
_ROUNDING = 1e-5
# The package of each method: how it is imported, and its name.
_PACKAGES: dict[MapMethod, tuple[str, str]] = {"tsne": ("sklearn", "scikit-learn"), "umap": ("umap", "umap-learn")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorMap:
    """A map.

    Attributes:
      coordinates: `[rows, 2]` float32.
      description: a sentence that says what it is.
    """

    coordinates: npt.NDArray[np.float32]
    description: str


def check_map_method(method: MapMethod) -> None:
    """Raises ValueError, with what to install, where a method's package is missing."""
    module, package = _PACKAGES.get(method, ("numpy", "numpy"))
    if importlib.util.find_spec(module) is None:
        raise ValueError(
            f"--map {method} needs the package {package}, which is not installed; install albert-embed with the extra "
            "maps, or choose --map pca"
        )


def project_vectors(vectors: npt.NDArray[np.float32], method: MapMethod, *, seed: int) -> VectorMap:
    """Makes a map of vectors: on one machine the same for the same vectors and seed.

    Args:
      vectors: `[rows, hidden]`.
      method: `pca`, `tsne` or `umap`; the latter two compare vectors by their cosine. Few rows get `pca`, and equal
        ones are one point.
      seed: of what is random in the method.

    Raises:
      ValueError: if the method's package is missing.
    """
    check_map_method(method)
    if _are_equal(vectors):
        return VectorMap(
            coordinates=np.zeros((len(vectors), 2), np.float32),
            description="All vectors are equal, but for rounding: they are one point.",
        )
    obstacle = "" if method == "pca" else _find_obstacle(vectors)
    if method != "pca" and not obstacle:
        return _run_tsne(vectors, seed) if method == "tsne" else _run_umap(vectors, seed)
    coordinates, (first, second) = find_principal_components(vectors)
    why = f" {obstacle} for {_PACKAGES[method][1]}." if obstacle else ""
    return VectorMap(
        coordinates=coordinates,
        description=f"The first two principal components, which hold {100 * first:.0f} % and {100 * second:.0f} % of "
        f"the variance.{why}",
    )


def _find_obstacle(vectors: npt.NDArray[np.float32]) -> str:
    """Returns why t-SNE and UMAP can't place some vectors; empty where they can."""
    if len(vectors) < _MIN_ROWS:
        return "There are too few rows"
    if vectors.shape[1] < 2:
        return "The vectors have too few values"
    return ""


def _are_equal(vectors: npt.NDArray[np.float32]) -> bool:
    """Returns whether nothing but rounding tells some vectors apart."""
    return bool(np.ptp(vectors, axis=0).max() <= _ROUNDING * np.abs(vectors).max())


def _run_tsne(vectors: npt.NDArray[np.float32], seed: int) -> VectorMap:
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, metric="cosine", init="pca", random_state=seed)
    return VectorMap(
        coordinates=np.asarray(tsne.fit_transform(vectors), np.float32),
        description=f"t-SNE of the cosines (perplexity {perplexity:.3g}, seed {seed}): near points are alike; the "
        "distance of far ones and the size of groups mean nothing.",
    )


def _run_umap(vectors: npt.NDArray[np.float32], seed: int) -> VectorMap:
    import umap

    neighbours = min(_NEIGHBOURS, len(vectors) - 1)
    # One thread: with several, a seed does not give the same map again.
    reducer = umap.UMAP(n_neighbors=neighbours, metric="cosine", random_state=seed, n_jobs=1)
    return VectorMap(
        coordinates=np.asarray(reducer.fit_transform(vectors), np.float32),
        description=f"UMAP of the cosines ({neighbours} neighbours, seed {seed}): near points are alike; the distance "
        "of far ones says little.",
    )


def find_principal_components(
    vectors: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], tuple[float, float]]:
    """Returns the first two principal components `[rows, 2]` float32, and the share of the variance of each.

    The sign of a component has no meaning. It is chosen so that the largest value is positive: the same vectors give
    the same map.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        centred = vectors[start : start + _ROWS_AT_ONCE] - mean
        covariance += centred.T @ centred
    variances, axes = np.linalg.eigh(covariance)  # from the smallest on
    found = min(2, len(variances))
    scores = np.zeros((len(vectors), 2))
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        stop = start + _ROWS_AT_ONCE
        scores[start:stop, :found] = (vectors[start:stop] - mean) @ axes[:, ::-1][:, :found]
    for axis in range(found):
        if scores[np.abs(scores[:, axis]).argmax(), axis] < 0:
            scores[:, axis] *= -1
    total = float(variances.clip(0).sum()) or 1.0
    shares = [float(max(variance, 0.0)) / total for variance in variances[::-1][:2]]
    return scores.astype(np.float32), (shares[0], shares[1] if len(shares) > 1 else 0.0)
