"""`Generation`: one of the runs that a dataset consists of."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping
from typing import Any

from albert_embed.pipeline.shards.row_counts import RowCounts, combine_counts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generation:
    """What one run added to a dataset.

    Attributes:
      number: of the version that the run published; None until it is published.
      created: when, UTC, ISO 8601.
      counts: of the rows that it added.
      dead: of the rows in earlier generations that it superseded.
    """

    number: int | None = None
    created: str
    counts: RowCounts
    dead: RowCounts = dataclasses.field(default_factory=RowCounts)

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> Generation:
        """Returns the generation that these plain values describe.

        Raises:
          KeyError, TypeError: if a field is missing or unknown.
        """
        counted = {name: RowCounts(**fields[name]) for name in ("counts", "dead")}
        return Generation(**{**fields, **counted})


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentCounts:
    """How many documents an incremental run found of each kind.

    Attributes:
      read: all that were read.
      new: their ids are not in the dataset.
      changed: their ids are in the dataset, but with another content, or not with all windows.
      unchanged: they are in the dataset as they are.
      repeated: they are equal to another document in the input, which is counted above.
      not_unique: their ids have several contents in the input.
      deleted: documents of the dataset that the input does not have; 0 unless the input is the whole corpus.
    """

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    not_unique: int = 0
    deleted: int = 0

    def __add__(self, other: DocumentCounts) -> DocumentCounts:
        return combine_counts(operator.add, self, other)
