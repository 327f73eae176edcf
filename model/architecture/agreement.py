"""How the outputs of two programs agree on the same inputs, and how far rounding may take them apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from albert_embed.model.architecture.precision import Precision


@dataclasses.dataclass(frozen=True, kw_only=True)
class Agreement:
    """How an output agrees with the expected one; NaN where either holds NaN or infinity.

    Attributes:
      smallest_cosine: between a vector and the expected one.
      largest_difference: between a value and the expected one.
      largest_value: the largest absolute expected value.
    """

    smallest_cosine: float
    largest_difference: float
    largest_value: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bound:
    """The differences that rounding explains.

    Attributes:
      min_cosine: between a vector and the expected one.
      max_difference: between a value and the expected one; where expected values exceed 1, times the largest.
    """

    min_cosine: float
    max_difference: float

    def scale_difference(self, agreement: Agreement) -> float:
        """Returns the largest difference that rounding explains where values are as large as here."""
        return self.max_difference * max(1.0, agreement.largest_value)

    def holds(self, agreement: Agreement) -> bool:
        """Returns whether rounding explains it; never where either side holds NaN or infinity."""
        return agreement.smallest_cosine >= self.min_cosine and agreement.largest_difference <= self.scale_difference(
            agreement
        )


# Between two float32 implementations 1e-5 is usual. A half-precision number has 8 (bfloat16) or 11 (float16) bits, and
# a deep encoder rounds a few dozen times: several times what was measured on encoders of up to 12 layers.
BOUNDS: dict[Precision, Bound] = {
    "float32": Bound(min_cosine=0.99999, max_difference=1e-4),
    "bfloat16": Bound(min_cosine=0.99, max_difference=0.2),
    "float16": Bound(min_cosine=0.999, max_difference=0.05),
}


def compare_outputs(
    found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], input_mask: np.ndarray
) -> dict[str, Agreement]:
    """Compares the outputs that both have.

    Args:
      found, expected: name to float32 `[batch, hidden]` or `[batch, seq, hidden]`.
      input_mask: `[batch, seq]`, 1 at real tokens; padded positions are not compared.
    """
    real = input_mask.astype(bool)
    return {
        name: _compare(*(values[real] if values.ndim == 3 else values for values in (found[name], expected[name])))
        for name in sorted(found.keys() & expected.keys())
    }


def _compare(found: np.ndarray, expected: np.ndarray) -> Agreement:
    if not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return Agreement(smallest_cosine=np.nan, largest_difference=np.nan, largest_value=np.nan)
    first, second = found.astype(np.float64), expected.astype(np.float64)
    products = (first * second).sum(axis=-1)
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    same = (first == second).all(axis=-1)  # two vectors of zeros have no angle between them
    cosines = np.where(same, 1.0, products / np.where(lengths == 0, 1.0, lengths))
    return Agreement(
        smallest_cosine=float(cosines.min()),
        largest_difference=float(np.abs(first - second).max()),
        largest_value=float(np.abs(second).max()),
    )
