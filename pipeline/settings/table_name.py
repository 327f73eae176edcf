"""`TableName`: the table that `bq:PROJECT:DATASET.TABLE` names."""

from __future__ import annotations

import dataclasses
import re

PREFIX = "bq:"
# A project of Google Cloud; those of an organisation may begin with its domain.
PROJECT_ID = r"(?:[a-z0-9.-]+\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_NAME = re.compile(rf"(?P<project>{PROJECT_ID}):(?P<dataset>\w{{1,1024}})\.(?P<table>[\w-]{{1,1024}})")


def names_table(given: str) -> bool:
    """Returns whether `given` names a BigQuery table rather than a path."""
    return given.startswith(PREFIX)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableName:
    """A table of BigQuery.

    Attributes:
      project: the project's id.
      dataset: the dataset in it.
      table: the table in that.
    """

    project: str
    dataset: str
    table: str

    @staticmethod
    def parse(given: str) -> TableName:
        """Parses `bq:PROJECT:DATASET.TABLE`.

        Raises:
          ValueError: if it does not name a table.
        """
        match = _NAME.fullmatch(given.removeprefix(PREFIX))
        if match is None or not names_table(given):
            raise ValueError(
                f"{given!r} does not name a BigQuery table: give bq:PROJECT:DATASET.TABLE, such as "
                "bq:my-project:search.embeddings"
            )
        return TableName(**match.groupdict())

    def __str__(self) -> str:
        """Formats the name as the API and SQL do, `PROJECT.DATASET.TABLE`."""
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def sql(self) -> str:
        """The name quoted for GoogleSQL."""
        return f"`{self}`"

    @property
    def option(self) -> str:
        """The name as `--output` takes it."""
        return f"{PREFIX}{self.project}:{self.dataset}.{self.table}"
