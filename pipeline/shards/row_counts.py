"""`RowCounts`: counts over some rows."""

from __future__ import annotations

import dataclasses


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
        return RowCounts(
            documents=self.documents + other.documents,
            rows=self.rows + other.rows,
            tokens=self.tokens + other.tokens,
            truncated=self.truncated + other.truncated,
        )

    def __sub__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            documents=self.documents - other.documents,
            rows=self.rows - other.rows,
            tokens=self.tokens - other.tokens,
            truncated=self.truncated - other.truncated,
        )

    def __bool__(self) -> bool:
        """Returns whether any count is not 0."""
        return any(dataclasses.astuple(self))
