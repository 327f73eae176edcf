"""`RowCounts`: counts over some rows, and how counts of any kind are combined."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.shards.shard import Shard
from albert_embed.transforms.rows.columns import INPUT_IDS, TRUNCATED, WINDOW
from albert_embed.transforms.rows.list_lengths import list_lengths

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Counts = TypeVar("Counts", bound="DataclassInstance")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowCounts:
    """Counts over some rows.

    Attributes:
      documents: documents whose first window has a row.
      rows: rows.
      tokens: real tokens of all rows, [CLS] and [SEP] included.
      truncated: rows that hold only the start of their document.
    """

    documents: int = 0
    rows: int = 0
    tokens: int = 0
    truncated: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return combine_counts(operator.add, self, other)

    def __sub__(self, other: RowCounts) -> RowCounts:
        return combine_counts(operator.sub, self, other)

    def __bool__(self) -> bool:
        """Returns whether any count is not 0."""
        return any(dataclasses.astuple(self))


def combine_counts(combine: Callable[[Any, Any], Any], first: Counts, second: Counts) -> Counts:
    """Returns counts of the same kind, each field combined from that of `first` and that of `second`."""
    names = [field.name for field in dataclasses.fields(first)]
    return type(first)(**{name: combine(getattr(first, name), getattr(second, name)) for name in names})


def count_rows(rows: pa.RecordBatch) -> RowCounts:
    """Returns the counts of these rows."""
    return RowCounts(
        documents=int((np.asarray(rows.column(WINDOW)) == 0).sum()),
        rows=rows.num_rows,
        tokens=int(list_lengths(rows.column(INPUT_IDS)).sum()),
        truncated=int(np.asarray(rows.column(TRUNCATED)).sum()),
    )


def count_shard(shard: Shard) -> RowCounts:
    """Returns the counts of a finished shard."""
    return RowCounts(documents=shard.documents, rows=shard.rows, tokens=shard.tokens, truncated=shard.truncated)
