"""An engine whose outputs are known without a model, and whose memory can be made small."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from albert_embed.model.architecture.padded_batch import mean_of_real_tokens
from albert_embed.model.engines.engine import OutOfMemoryError, RowError

HIDDEN = 3
# The sequence output at padded positions, which nothing may ever read.
PADDING = np.float32(1e30)


def sequence_of(ids: list[int]) -> np.ndarray:
    """Returns the sequence output of one row, `[n, HIDDEN]`: each value says its token, its position and its place."""
    tokens = np.array(ids, np.float32)[:, np.newaxis]
    positions = np.arange(len(ids), dtype=np.float32)[:, np.newaxis]
    return tokens * 100 + positions + np.array([0.0, 0.25, 0.5], np.float32)


def pooled_of(ids: list[int]) -> np.ndarray:
    """Returns the pooled output of one row, `[HIDDEN]`."""
    return np.array([sum(ids), len(ids), -1], np.float32)


class FakeEngine:
    """Refuses batches of more than `most_rows`, and batches with the token `bad_token`; notes what it was asked for.

    A row with the token `nan_token` gives NaN in the pooled output, one with `inf_token` infinity in the sequence.
    """

    name = "tensorflow"

    def __init__(
        self,
        *,
        most_rows: int = 1000,
        too_long: int = 1000,
        bad_token: int = -1,
        nan_token: int = -1,
        inf_token: int = -1,
    ) -> None:
        self._most_rows, self._too_long, self._bad_token = most_rows, too_long, bad_token
        self._nan_token, self._inf_token = nan_token, inf_token
        self.asked: list[tuple[int, int, frozenset[str]]] = []

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns outputs that are known from the inputs; see `model.engines.engine.Engine.run`."""
        ids, mask = inputs["input_ids"], inputs["input_mask"]
        self.asked.append((*ids.shape, frozenset(outputs)))
        if len(ids) > self._most_rows or ids.shape[1] >= self._too_long:
            raise OutOfMemoryError(f"no room for {list(ids.shape)}")
        if (ids == self._bad_token).any():
            raise RowError(f"token {self._bad_token} is out of range")
        sequence = np.full((*ids.shape, HIDDEN), PADDING, np.float32)
        pooled = np.zeros((len(ids), HIDDEN), np.float32)
        for row, (tokens, real) in enumerate(zip(ids, mask.astype(bool), strict=True)):
            sequence[row, real] = sequence_of(tokens[real].tolist())
            pooled[row] = pooled_of(tokens[real].tolist())
            if (tokens == self._nan_token).any():
                pooled[row, 1] = np.nan
            if (tokens == self._inf_token).any():
                sequence[row, 1, 2] = np.inf
        means = mean_of_real_tokens(sequence, mask)
        results = {"pooled_output": pooled, "sequence_output": sequence, "mean_output": means}
        return {name: results[name] for name in outputs}
