"""`VectorShape`: what becomes of the vectors that the model gives: cut to their first values, scaled to length 1."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorShape:
    """What becomes of every vector.

    Attributes:
      dimensions: how many values are kept, the first ones; None means all.
      normalize: whether each vector is then scaled to length 1 (L2). A vector of zeros stays as it is.

    Raises:
      ValueError: if `dimensions` is less than 1.
    """

    dimensions: int | None = None
    normalize: bool = False

    def __post_init__(self) -> None:
        if self.dimensions is not None and self.dimensions < 1:
            raise ValueError(f"--dimensions must be at least 1, not {self.dimensions}")

    @property
    def changes_nothing(self) -> bool:
        """Whether vectors stay as the model gives them."""
        return self.dimensions is None and not self.normalize

    def apply(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Returns `vectors`, `[vectors, width]` float32, in this shape."""
        import numpy as np  # --help, which knows the options, needs none

        shaped = vectors[:, : self.dimensions]
        if not self.normalize:
            return shaped
        lengths = np.sqrt(np.einsum("ij,ij->i", shaped, shaped, dtype=np.float64))
        scaled: npt.NDArray[np.float32] = (shaped / np.where(lengths > 0, lengths, 1)[:, np.newaxis]).astype(np.float32)
        return scaled


def check_dimensions(
    dimensions: int, widths: Collection[tuple[str, int]], *, trained: Collection[int], model: str, accept: bool
) -> None:
    """Checks that the vectors of some embeddings may be cut.

    The first values of a vector mean something for themselves only where the model was trained for that (Matryoshka).

    Args:
      dimensions: how many values are to be kept.
      widths: the embeddings as `--embeddings` names them, each with its width.
      trained: the numbers for which the sentence embedding was trained, as the model's source says; empty where it
        says nothing.
      model: its name.
      accept: whether to cut what the source says nothing of.

    Raises:
      ValueError: if a vector is shorter, or not known to be trained for it.
    """
    for name, width in widths:
        if width < dimensions:
            raise ValueError(
                f"--dimensions is {dimensions:,}, but the vectors of --embeddings {name} have {width:,} values; give "
                "at most that"
            )
    cut = [name for name, width in widths if width > dimensions]
    if accept or not cut:
        return
    remedy = "--accept-dimensions cuts them all the same: compare some searches with those in whole vectors first"
    if not trained:
        raise ValueError(
            f"--dimensions {dimensions:,}: nothing that was published with {model} says that it was trained for "
            f"shortened vectors, and cut vectors of another model lose much of their meaning. {remedy}"
        )
    others = [name for name in cut if name != "sentence"]
    if others:
        raise ValueError(
            f"--dimensions {dimensions:,}: {model} was trained for shortened vectors of --embeddings sentence, not of "
            f"{', '.join(others)}; leave these out. {remedy}"
        )
    if dimensions not in trained:
        raise ValueError(
            f"--dimensions {dimensions:,}: {model} was trained for vectors of {_list_numbers(trained)} values; give "
            f"one of these. {remedy}"
        )


def _list_numbers(numbers: Iterable[int]) -> str:
    return ", ".join(f"{number:,}" for number in sorted(numbers))
