"""`Statistics`: what was written, counted from the published shards, so that retries are not counted twice."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from albert_embed.pipeline.shards.row_counts import RowCounts
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.transforms.columns import INPUT_IDS, TRUNCATED, WINDOW
from albert_embed.transforms.failure import Failure
from albert_embed.transforms.list_lengths import list_lengths


@dataclasses.dataclass(frozen=True, kw_only=True)
class Statistics:
    """Counts over the rows and failures of an output.

    Attributes:
      documents: documents whose first window has a row.
      rows: rows.
      tokens: real tokens of all rows, [CLS] and [SEP] included.
      truncated: rows that hold only the start of their document.
      failures: "stage: reason" → how many.
    """

    documents: int = 0
    rows: int = 0
    tokens: int = 0
    truncated: int = 0
    failures: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def row_counts(self) -> RowCounts:
        """The counts of the rows alone."""
        return RowCounts(documents=self.documents, rows=self.rows, tokens=self.tokens, truncated=self.truncated)

    def to_json(self) -> str:
        """Returns one line of JSON."""
        return json.dumps(dataclasses.asdict(self))


def count_rows(rows: pa.RecordBatch) -> Statistics:
    """Returns the statistics of these rows."""
    return Statistics(
        documents=int((np.asarray(rows.column(WINDOW)) == 0).sum()),
        rows=rows.num_rows,
        tokens=int(list_lengths(rows.column(INPUT_IDS)).sum()),
        truncated=int(np.asarray(rows.column(TRUNCATED)).sum()),
    )


def count_shard(shard: Shard) -> Statistics:
    """Returns the statistics of a finished shard."""
    return Statistics(documents=shard.documents, rows=shard.rows, tokens=shard.tokens, truncated=shard.truncated)


def count_failure(failure: Failure) -> Statistics:
    """Returns the statistics of one failure."""
    return Statistics(failures={failure.category: 1})


def add_statistics(parts: Iterable[Statistics]) -> Statistics:
    """Returns the sum of all parts."""
    documents = rows = tokens = truncated = 0
    failures: Counter[str] = Counter()
    for part in parts:
        documents += part.documents
        rows += part.rows
        tokens += part.tokens
        truncated += part.truncated
        failures.update(part.failures)
    return Statistics(
        documents=documents, rows=rows, tokens=tokens, truncated=truncated, failures=dict(sorted(failures.items()))
    )
