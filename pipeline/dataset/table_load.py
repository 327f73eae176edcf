"""`TableLoad`: what a run loaded into a table of BigQuery."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableVectorIndex:
    """The vector index of one column of a table.

    Attributes:
      column: which column.
      statement: the statement that makes it.
      search: an example of a search.
      obstacles: why BigQuery would refuse the statement.
      made: whether the run made it.
    """

    column: str
    statement: str
    search: str
    obstacles: list[str]
    made: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableLoad:
    """What was loaded into the table.

    Attributes:
      table: `PROJECT.DATASET.TABLE`.
      loaded_rows: rows of the load files.
      rows: those of them with an (id, window) of their own, which are in the table now.
      clashing_ids: ids that several documents with different contents shared, one of which is in the table.
      inserted, updated, deleted: rows of the table that the merge changed; None where BigQuery did not say.
      job_ids: of the load jobs and the merge.
      vector_indexes: the indexes that `--vector-index` asked for.
    """

    table: str
    loaded_rows: int
    rows: int
    clashing_ids: int
    inserted: int | None
    updated: int | None
    deleted: int | None
    job_ids: list[str]
    vector_indexes: list[TableVectorIndex] = dataclasses.field(default_factory=list)

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> TableLoad:
        """Returns what these plain values describe.

        Raises:
          KeyError, TypeError: if a field is missing or unknown.
        """
        return TableLoad(
            **{**fields, "vector_indexes": [TableVectorIndex(**index) for index in fields["vector_indexes"]]}
        )
