"""`Engine`: the interface through which the handler executes a SavedModel."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class OutOfMemoryError(RuntimeError):
    """The engine did not have enough memory for a batch; a smaller one may fit."""


class RowError(RuntimeError):
    """The engine refused a batch because of its content; without the row at fault the others may pass."""


class Engine(Protocol):
    """A model loaded and ready.

    Attributes:
      name: of the engine, as `--engine` has it.
    """

    name: str

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns the named outputs of the signature `tokens` for a padded batch.

        Args:
          inputs: `input_ids`, `input_mask`, `segment_ids`, int32 `[batch, seq]`.
          outputs: which of the signature's outputs, and of `mean_output`, to return; no other is copied out.

        Returns:
          `pooled_output` float32 `[batch, hidden]`, `sequence_output` float32 `[batch, seq, hidden]`; `mean_output`
          float32 `[batch, hidden]`, the mean of the sequence over the real tokens of each row.

        Raises:
          OutOfMemoryError: if there is not enough memory for the batch.
          RowError: if a row can't be embedded.
        """
        ...
