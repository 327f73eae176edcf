"""Cuts rows of different lengths into padded batches of a bounded number of tokens.

Rows wait in a buffer that is bounded by tokens and bytes. There they are sorted by length, and cut where a batch would
exceed its token budget or where a row would get much padding. Beam's own `SortAndBatchElements` holds a whole bundle,
and its length buckets need real-time timers, which local runners lack.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.transforms.window import BoundedWindow
from apache_beam.utils.windowed_value import WindowedValue

from albert_embed.transforms.rows.columns import INPUT_IDS
from albert_embed.transforms.rows.list_lengths import list_lengths
from albert_embed.transforms.steps.bundle_end import at_end_of
from albert_embed.transforms.steps.record_batch_coder import RecordBatchCoder  # noqa: F401  (batches travel by it)

# How many rows enter the buffer between two checks of how full it is.
ROWS_AT_ONCE = 1024
_MAX_PADDING = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenBatchConfig:
    """How rows are batched.

    Attributes:
      batch_tokens: maximum padded tokens per batch: rows × longest row never exceeds it, but with `real_tokens`.
      max_tokens: maximum tokens per row; a batch must hold one such row.
      buffer_tokens: maximum tokens that wait in the buffer before batches are cut.
      buffer_bytes: maximum bytes that wait there, all columns counted.
      least_fill: a batch is cut where a row is shorter than this share of the batch's longest row. With 0.92 the mixed
        benchmark corpus gets 2 % of padding and 47 batches of 4,096 tokens; without, 10 % and 17 batches. The larger
        number costs nothing on a CPU.
      real_tokens: whether the budget is of real tokens and rows of all lengths go together, for an engine that lays
        them out anew. Padded, as its outputs are, a batch still has at most `_MAX_PADDING` times the budget.

    Raises:
      ValueError: if the budget can't hold the longest row, or a number is out of range.
    """

    batch_tokens: int
    max_tokens: int
    buffer_tokens: int = 1 << 20
    buffer_bytes: int = 64 << 20
    least_fill: float = 0.92
    real_tokens: bool = False

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, not {self.max_tokens}")
        if self.batch_tokens < self.max_tokens:
            raise ValueError(
                f"batch_tokens {self.batch_tokens} can't hold one row of max_tokens {self.max_tokens}; "
                f"give at least {self.max_tokens}"
            )
        if self.buffer_tokens < 1 or self.buffer_bytes < 1:
            raise ValueError(
                f"the buffer must hold something, not {self.buffer_tokens} tokens, {self.buffer_bytes} bytes"
            )
        if not 0 <= self.least_fill <= 1:
            raise ValueError(f"least_fill must lie between 0 and 1, not {self.least_fill}")


def cut_batches(lengths: np.ndarray, config: TokenBatchConfig) -> list[tuple[int, int]]:
    """Cuts rows sorted from longest to shortest into batches.

    Args:
      lengths: `[rows]` int, non-increasing.

    Returns:
      `(start, stop)` of each batch, which together cover all rows.

    Raises:
      ValueError: if a row alone exceeds the budget.
    """
    if lengths.size and lengths[0] > config.batch_tokens:
        raise ValueError(f"a row of {lengths[0]} tokens exceeds batch_tokens {config.batch_tokens}")
    cuts = []
    ascending = -lengths
    start = 0
    ends = np.cumsum(lengths)
    while start < lengths.size:
        longest = max(int(lengths[start]), 1)
        if config.real_tokens:
            before = int(ends[start]) - int(lengths[start])
            stop = int(np.searchsorted(ends, before + config.batch_tokens, side="right"))
            stop = min(stop, start + _MAX_PADDING * config.batch_tokens // longest)
            cuts.append((start, stop))
            start = stop
            continue
        stop = start + config.batch_tokens // longest
        # The first row shorter than least_fill · longest.
        short = int(np.searchsorted(ascending, -np.ceil(config.least_fill * longest), side="right"))
        stop = min(max(short, start + 1), stop, lengths.size)
        cuts.append((start, stop))
        start = stop
    return cuts


def choose_rows(
    lengths: np.ndarray, config: TokenBatchConfig, *, keep_small: bool
) -> tuple[list[np.ndarray], np.ndarray]:
    """Chooses which of the rows in the buffer leave together.

    Args:
      lengths: `[rows]` int, in the order in which the rows came.
      config: how rows are batched.
      keep_small: whether batches under half the budget stay and wait for more rows.

    Returns:
      The row numbers of each batch, longest rows first; and those of the rows that stay, ascending.
    """
    # Stable, so that a retried bundle cuts the same batches.
    order = np.argsort(-lengths, kind="stable")
    batches: list[np.ndarray] = []
    kept: list[np.ndarray] = [np.zeros(0, np.int64)]
    for start, stop in cut_batches(lengths[order], config):
        rows = order[start:stop]
        tokens = lengths[rows].sum() if config.real_tokens else len(rows) * lengths[rows[0]]
        stays = keep_small and 2 * tokens < config.batch_tokens
        (kept if stays else batches).append(rows)
    return batches, np.sort(np.concatenate(kept))


class TokenBuffer:
    """Collects rows and gives them back as batches. Rows are never changed, only copied."""

    def __init__(self, config: TokenBatchConfig) -> None:
        self._config = config
        self._held: list[pa.RecordBatch] = []
        self._tokens = 0
        self._bytes = 0

    def add(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Takes `rows` in, and yields the batches that must leave to make room."""
        for start in range(0, rows.num_rows, ROWS_AT_ONCE):
            part = rows.slice(start, ROWS_AT_ONCE)
            self._held.append(part)
            self._tokens += int(list_lengths(part.column(INPUT_IDS)).sum())
            self._bytes += part.nbytes
            if self._full():
                yield from self._drain(keep_small=True)
                if self._full(share=0.5):
                    yield from self._drain(keep_small=False)

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Yields everything that is left, as batches."""
        yield from self._drain(keep_small=False)

    def _full(self, share: float = 1.0) -> bool:
        config = self._config
        return self._tokens >= share * config.buffer_tokens or self._bytes >= share * config.buffer_bytes

    def _drain(self, *, keep_small: bool) -> Iterator[pa.RecordBatch]:
        """Cuts the buffer into batches; with `keep_small`, those under half the budget stay and wait for more rows."""
        if not self._held:
            return
        held = pa.Table.from_batches(self._held).combine_chunks().to_batches()[0]
        self._held, self._tokens, self._bytes = [], 0, 0
        batches, kept = choose_rows(list_lengths(held.column(INPUT_IDS)), self._config, keep_small=keep_small)
        for rows in batches:
            yield held.take(pa.array(rows))
        if kept.size:
            rest = held.take(pa.array(kept))
            self._held = [rest]
            self._tokens = int(list_lengths(rest.column(INPUT_IDS)).sum())
            self._bytes = rest.nbytes


class _BatchByTokensFn(beam.DoFn):
    """One `TokenBuffer` for each window of the bundle."""

    def __init__(self, config: TokenBatchConfig) -> None:
        self._config = config
        self._buffers: dict[BoundedWindow, TokenBuffer] = {}

    def start_bundle(self) -> None:
        self._buffers = {}

    def process(
        self,
        rows: pa.RecordBatch,
        window: BoundedWindow = beam.DoFn.WindowParam,  # type: ignore[assignment]
    ) -> Iterable[pa.RecordBatch]:
        return self._buffers.setdefault(window, TokenBuffer(self._config)).add(rows)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for window, buffer in self._buffers.items():
            for batch in buffer.flush():
                yield at_end_of(window, batch)
        self._buffers = {}


class BatchByTokens(beam.PTransform[beam.PCollection[pa.RecordBatch], beam.PCollection[pa.RecordBatch]]):
    """Turns RecordBatches of rows into RecordBatches that are each one padded batch within the token budget."""

    def __init__(self, config: TokenBatchConfig) -> None:
        super().__init__()
        self._config = config

    def expand(self, rows: beam.PCollection[pa.RecordBatch]) -> beam.PCollection[pa.RecordBatch]:
        batches: beam.PCollection[pa.RecordBatch] = rows | "CutByTokens" >> beam.ParDo(
            _BatchByTokensFn(self._config)
        ).with_output_types(pa.RecordBatch)
        return batches
