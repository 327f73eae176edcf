"""`VectorBlock`: some rows of a dataset with their vectors, the unit of a search."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorBlock:
    """Rows and their vectors.

    Attributes:
      rows: the columns that a hit shows, `id` and others.
      vectors: `[rows, hidden]` float32.
      inverse_norms: `[rows]` float32, one over each vector's length; 0 for a vector of zeros, which resembles nothing.
    """

    rows: pa.RecordBatch | pa.Table
    vectors: npt.NDArray[np.float32]
    inverse_norms: npt.NDArray[np.float32]


def measure_inverse_norms(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Returns one over the length of each of `vectors`, `[rows]` float32; 0 where a vector is all zeros."""
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    with np.errstate(divide="ignore"):
        inverse = 1 / np.sqrt(squares)
    return np.where(squares > 0, inverse, 0).astype(np.float32)
