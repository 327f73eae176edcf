"""What no engine computes: ids that the model does not know, and rows that are too long or empty."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.engines.engine import RowError
from albert_embed.transforms.rows.columns import INPUT_IDS, INPUT_MASK, SEGMENT_IDS


def refuse_rows(inputs: Mapping[str, np.ndarray], config: AlbertConfig) -> None:
    """Refuses what some engines would look up at another place without a word: OpenVINO, JAX, TensorFlow on a GPU.

    Args:
      inputs: `input_ids`, `input_mask`, `segment_ids`, int32 `[batch, seq]`.
      config: of the model.

    Raises:
      RowError: if there is such a row.
    """
    lengths = inputs[INPUT_MASK].sum(axis=1)
    if (lengths < 1).any():
        raise RowError("a row has no tokens")
    if lengths.max() > config.max_position_embeddings:
        raise RowError(f"a row of {lengths.max()} tokens; the model has {config.max_position_embeddings} positions")
    for name, size in ((INPUT_IDS, config.vocab_size), (SEGMENT_IDS, config.type_vocab_size)):
        low, high = int(inputs[name].min()), int(inputs[name].max())
        if low < 0 or high >= size:
            raise RowError(f"{name} holds {low if low < 0 else high}; the model knows 0 to {size - 1}")
