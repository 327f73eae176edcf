"""Predicts the batches that a corpus will be cut into, from how many rows of each length it has.

The rules are those of `transforms.rows.token_batches`, run over lengths alone. Rows are assumed to come in random
order, and one buffer is simulated, that of a run in one process.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from albert_embed.transforms.rows.token_batches import ROWS_AT_ONCE, TokenBatchConfig, choose_rows

# Of a larger corpus, this many rows are simulated and represent the rest.
_MAX_ROWS = 1 << 20
_SEED = 20190926


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchForecast:
    """The batches that are expected.

    Attributes:
      rows: `[batches]` int64, rows of each.
      lengths: `[batches]` int64, what they are padded to.
      tokens: `[batches]` int64, their real tokens.
      weight: how many batches of the corpus each represents.
    """

    rows: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    weight: float = 1.0

    @property
    def batch_count(self) -> int:
        """Batches of the whole corpus."""
        return round(self.weight * len(self.rows))

    @property
    def real_tokens(self) -> int:
        """Real tokens of the whole corpus."""
        return round(self.weight * int(self.tokens.sum()))

    @property
    def padded_tokens(self) -> int:
        """Padded tokens of the whole corpus."""
        return round(self.weight * int((self.rows * self.lengths).sum()))


def forecast_batches(
    histogram: npt.NDArray[np.int64], config: TokenBatchConfig, *, row_bytes: float, token_bytes: float
) -> BatchForecast:
    """Predicts the batches.

    Args:
      histogram: `[longest + 1]` int64, how many rows have each length.
      config: how rows are batched.
      row_bytes: bytes of a row in the buffer, without its tokens' columns.
      token_bytes: bytes of each of its tokens there.
    """
    total = int(histogram.sum())
    simulated = _scale(histogram, _MAX_ROWS) if total > _MAX_ROWS else histogram
    lengths = np.repeat(np.arange(histogram.size), simulated)
    np.random.default_rng(_SEED).shuffle(lengths)
    batches: list[npt.NDArray[np.int64]] = []
    held = np.zeros(0, np.int64)

    def is_full(share: float) -> bool:
        tokens = int(held.sum())
        size = row_bytes * held.size + token_bytes * tokens
        return tokens >= share * config.buffer_tokens or size >= share * config.buffer_bytes

    def drain(*, keep_small: bool) -> None:
        nonlocal held
        chosen, kept = choose_rows(held, config, keep_small=keep_small)
        batches.extend(held[rows] for rows in chosen)
        held = held[kept]

    for start in range(0, lengths.size, ROWS_AT_ONCE):
        held = np.concatenate([held, lengths[start : start + ROWS_AT_ONCE]])
        if is_full(1.0):
            drain(keep_small=True)
            if is_full(0.5):
                drain(keep_small=False)
    drain(keep_small=False)
    return BatchForecast(
        rows=np.array([batch.size for batch in batches], np.int64),
        lengths=np.array([batch[0] for batch in batches], np.int64),
        tokens=np.array([batch.sum() for batch in batches], np.int64),
        weight=total / max(1, int(simulated.sum())),
    )


def _scale(histogram: npt.NDArray[np.int64], rows: int) -> npt.NDArray[np.int64]:
    """Returns about this many rows of the same distribution; neighbouring lengths share what rounding leaves over."""
    edges = np.concatenate([[0], np.cumsum(histogram)]) / histogram.sum() * rows
    counts: np.ndarray = np.diff(np.rint(edges).astype(np.int64))
    return counts
