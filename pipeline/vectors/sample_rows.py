"""Takes a sample of a dataset's rows, and counts over all of them, in one pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.pipeline.dataset.published_output import PublishedOutput
from albert_embed.pipeline.nearest.read_vectors import is_shown, read_searched_rows
from albert_embed.pipeline.nearest.searched_embedding import SearchedEmbedding
from albert_embed.pipeline.vectors.average_tokens import AVERAGED_TOKENS, average_tokens
from albert_embed.transforms.rows.columns import INPUT_IDS, TOKENS, TRUNCATED
from albert_embed.transforms.rows.list_lengths import add_length_counts, list_lengths


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowSample:
    """Some rows, chosen at random, and counts over all rows.

    Attributes:
      rows: what a hit shows of the chosen rows (`read_vectors.is_shown`), and `tokens`, as plain values, in the order
        of the dataset.
      vectors: of the chosen rows, `[sample, hidden]` float32.
      row_count: rows of the dataset.
      lengths: rows by number of tokens: `[longest + 1]` int64.
      truncated: rows that hold only the start of their document.
    """

    rows: list[dict[str, Any]]
    vectors: npt.NDArray[np.float32]
    row_count: int
    lengths: npt.NDArray[np.int64]
    truncated: int


def sample_dataset(output: PublishedOutput, searched: SearchedEmbedding, *, size: int, seed: int) -> RowSample:
    """Takes a sample of a dataset's live rows (`sample_rows`).

    Args:
      output: the dataset.
      searched: which of its vectors (`pipeline.vectors.average_tokens`).
      size: of the sample.
      seed: of the draw.

    Raises:
      OutputError: if it was damaged.
    """
    rows = read_searched_rows(output, searched)
    if searched == AVERAGED_TOKENS:
        rows = map(average_tokens, rows)
    return sample_rows(rows, searched.column, size=size, seed=seed)


def sample_rows(batches: Iterable[pa.RecordBatch], column: str, *, size: int, seed: int) -> RowSample:
    """Reads rows once and keeps `size` of them: the same ones for the same seed, however the rows are batched.

    Each row draws a number, and those with the smallest are kept. Only a batch and the sample are in memory.

    Args:
      batches: rows as the readers of a dataset yield them.
      column: of the vectors, large_list<float32>.
      size: of the sample.
      seed: of the draw.
    """
    generator = np.random.default_rng(seed)
    kept: list[_Drawn] = []
    bound = np.inf
    row_count = truncated = 0
    lengths = np.zeros(1, np.int64)
    for batch in batches:
        drawn = generator.random(batch.num_rows)
        candidates = np.flatnonzero(drawn < bound)
        kept += [_draw(batch, row, column, float(drawn[row]), row_count) for row in candidates.tolist()]
        if len(kept) > size:
            kept = sorted(kept, key=lambda row: row.number)[:size]
            bound = kept[-1].number
        row_count += batch.num_rows
        lengths = add_length_counts(lengths, _count_tokens(batch))
        truncated += batch.column(TRUNCATED).to_numpy().sum() if TRUNCATED in batch.schema.names else 0
    kept.sort(key=lambda row: row.position)
    return RowSample(
        rows=[row.shown for row in kept],
        vectors=np.stack([row.vector for row in kept]) if kept else np.zeros((0, 0), np.float32),
        row_count=row_count,
        lengths=lengths,
        truncated=int(truncated),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Drawn:
    number: float
    position: int
    shown: dict[str, Any]
    vector: npt.NDArray[np.float32]


def _draw(batch: pa.RecordBatch, row: int, column: str, number: float, first: int) -> _Drawn:
    one = batch.slice(row, 1)
    shown = [field.name for field in one.schema if is_shown(field.name, field.type)]
    return _Drawn(
        number=number,
        position=first + row,
        shown={**one.select(shown).to_pylist()[0], TOKENS: int(_count_tokens(one)[0])},
        vector=np.array(one.column(column).flatten(), np.float32),
    )


def _count_tokens(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Counts the tokens of each row; a document's row has a column for it."""
    if INPUT_IDS in batch.schema.names:
        return list_lengths(batch.column(INPUT_IDS))
    tokens: npt.NDArray[np.int64] = batch.column(TOKENS).to_numpy()
    return tokens
