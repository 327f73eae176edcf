"""`BadRows`: which rows of a batch can't be used, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from albert_embed.transforms.steps.failure import TEXT_START_BYTES, Failure


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a row, as its `Failure` says it.

    Attributes:
      reason: the kind of failure in a few fixed words, to count by.
      error: what is wrong, with the offending value, and what to do about it.
    """

    reason: str
    error: str

    def fail(self, *, stage: str, id_: bytes | None, text: bytes | None, window: int | None = None) -> Failure:
        """Returns the failure of a row.

        Args:
          stage: where it was found.
          id_, window: of the row, as far as it has them.
          text: of the row; the failure gets its start.
        """
        return Failure(
            id=id_ or b"",
            stage=stage,
            reason=self.reason,
            error=self.error,
            text=(text or b"")[:TEXT_START_BYTES],
            window=window,
        )


class BadRows:
    """The rows of a batch that can't be used, by their numbers. Of several faults of a row the first counts."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}

    def add(self, row: int, fault: Fault) -> None:
        """Adds a row, unless it is there."""
        self._faults.setdefault(row, fault)

    def __iter__(self) -> Iterator[tuple[int, Fault]]:
        """Yields each row with its fault, in the order of the rows."""
        return iter(sorted(self._faults.items(), key=lambda item: item[0]))

    def drop_from(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Returns the rows that can be used; the batch itself where that is all of them."""
        if not self._faults:
            return rows
        good = np.ones(rows.num_rows, bool)
        good[list(self._faults)] = False
        return rows.filter(pa.array(good))
