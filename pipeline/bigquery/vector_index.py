"""The vector index of a table: its DDL, where BigQuery would take it, and an example of a search."""

from __future__ import annotations

from collections.abc import Sequence

from albert_embed.pipeline.settings.table_name import TableName

# https://cloud.google.com/bigquery/docs/vector-index: CREATE VECTOR INDEX is refused for a table of fewer rows.
MIN_ROWS = 5000


def make_index_statement(table: TableName, column: str) -> str:
    """`CREATE VECTOR INDEX` for one column of vectors: IVF over cosine distance."""
    return (
        f"CREATE VECTOR INDEX IF NOT EXISTS {table.table.replace('-', '_')}_{column}\n"
        f"ON {table.sql}({column}) OPTIONS(index_type = 'IVF', distance_type = 'COSINE')"
    )


def make_search_query(table: TableName, column: str) -> str:
    """An example: the ten rows nearest to one row of the table itself."""
    return f"""\
SELECT base.id, base.`window`, distance
FROM VECTOR_SEARCH(
  TABLE {table.sql}, '{column}',
  (SELECT {column} FROM {table.sql} WHERE `window` = 0 LIMIT 1),
  top_k => 10, distance_type => 'COSINE')
ORDER BY distance"""


def make_vectors_query(table: TableName, column: str) -> str:
    """A query for what decides about an index: `total_rows`, `shortest`, `longest` vector."""
    return (
        f"SELECT COUNT(*) AS total_rows, MIN(ARRAY_LENGTH({column})) AS shortest, "
        f"MAX(ARRAY_LENGTH({column})) AS longest FROM {table.sql}"
    )


def find_obstacles(column: str, *, total_rows: int, shortest: int | None, longest: int | None) -> Sequence[str]:
    """Why BigQuery would refuse an index over `column`, in words; nothing where it would not.

    Args:
      column: the column of vectors.
      total_rows: rows of the table.
      shortest, longest: the lengths of its vectors; None where there are no rows.
    """
    obstacles = []
    if total_rows < MIN_ROWS:
        obstacles.append(
            f"the table has {total_rows:,} rows, an index needs {MIN_ROWS:,}; VECTOR_SEARCH works without one"
        )
    if shortest != longest:
        obstacles.append(
            f"the vectors of {column} have from {shortest:,} to {longest:,} values, an index needs one length; "
            "load each model's into a table of its own"
        )
    return obstacles
