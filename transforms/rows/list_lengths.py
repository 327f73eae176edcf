"""How long the lists of an Arrow list array are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def list_lengths(column: pa.Array) -> np.ndarray:
    """Returns the length of every list of an Arrow list array without nulls, `[rows]` int64."""
    return np.diff(np.asarray(column.offsets)).astype(np.int64)
