"""What executes a SavedModel: the interface the handler speaks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np


class OutOfMemoryError(RuntimeError):
    """The engine had not enough memory for a batch; a smaller one may fit."""


class RowError(RuntimeError):
    """The engine refused a batch for what is in it; without the row at fault the others may pass."""


class Engine(Protocol):
    """A model loaded and ready."""

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """The named outputs of the signature `tokens` on a padded batch.

        Args:
          inputs: `input_ids`, `input_mask`, `segment_ids`, int32 `[batch, seq]`.
          outputs: which of `pooled_output` and `sequence_output` to return; no other is copied out.

        Returns:
          `pooled_output` float32 `[batch, hidden]`, `sequence_output` float32 `[batch, seq, hidden]`.

        Raises:
          OutOfMemoryError, RowError: as their own words say.
        """
        ...
