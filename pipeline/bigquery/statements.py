"""The GoogleSQL of a table: the merge that brings rows into it, its vector indexes, an example of a search."""

from __future__ import annotations

from collections.abc import Sequence

from albert_embed.pipeline.bigquery.table_layout import LOADED_AT, VERSION_COLUMNS, TableLayout
from albert_embed.pipeline.settings.table_name import TableName

# https://cloud.google.com/bigquery/docs/vector-index: CREATE VECTOR INDEX is refused for a table of fewer rows.
MIN_ROWS = 5000


def make_merge_statement(
    table: TableName, staged: TableName, layout: TableLayout, *, tombstones: TableName | None = None
) -> str:
    """Makes GoogleSQL that merges the rows of `staged` into `table` on (id, window), in one atomic statement.

    Afterwards every document that was loaded has exactly its new windows. A window that it no longer has is deleted,
    and one with the same content and fingerprint is left as it is, so the statement changes nothing the second time.
    Rows of documents that were not loaded are not touched.

    Of documents that share an id, the one with the smallest content hash is used, the same in every run; of rows that
    are there twice, one. (MERGE fails where two rows of its source match one row of the table.)

    Args:
      table: where the rows go.
      staged: what was loaded.
      layout: the columns of both.
      tombstones: a table of ids (BYTES); their documents lose the rows that they have where none were loaded.
    """
    gone = "" if tombstones is None else f" OR id IN (SELECT SAFE_CONVERT_BYTES_TO_STRING(id) FROM {tombstones.sql})"
    names = [column.name for column in layout.staged_columns()]
    loaded = ", ".join(f"loaded.{_quote(name)}" for name in names)
    version = " OR ".join(f"target.{name} IS DISTINCT FROM source.{name}" for name in VERSION_COLUMNS)
    changes = ", ".join(f"{_quote(name)} = source.{_quote(name)}" for name in names if name not in ("id", "window"))
    return f"""\
MERGE {table.sql} AS target
USING (
  WITH loaded AS (
    {make_distinct_select(staged, names)}
  )
  SELECT every_key.id AS key_id, every_key.`window` AS key_window, {loaded}
  FROM (
    SELECT id, `window` FROM loaded
    UNION DISTINCT
    SELECT id, `window` FROM {table.sql} WHERE id IN (SELECT id FROM loaded){gone}
  ) AS every_key
  LEFT JOIN loaded ON loaded.id = every_key.id AND loaded.`window` = every_key.`window`
) AS source
ON target.id = source.key_id AND target.`window` = source.key_window
WHEN MATCHED AND source.id IS NULL THEN
  DELETE
WHEN MATCHED AND ({version}) THEN
  UPDATE SET {changes}, {LOADED_AT} = CURRENT_TIMESTAMP()
WHEN NOT MATCHED BY TARGET THEN
  INSERT ({", ".join(_quote(name) for name in names)}, {LOADED_AT})
  VALUES ({", ".join(f"source.{_quote(name)}" for name in names)}, CURRENT_TIMESTAMP())
"""


def make_distinct_select(staged: TableName, names: Sequence[str]) -> str:
    """Makes a query for columns of `staged`: each (id, window) once, and all windows of an id from one document."""
    return (
        f"SELECT {', '.join(_quote(name) for name in names)} FROM {staged.sql} WHERE TRUE "
        "QUALIFY content_hash = MIN(content_hash) OVER (PARTITION BY id) "
        "AND ROW_NUMBER() OVER (PARTITION BY id, `window` ORDER BY content_hash) = 1"
    )


def make_count_query(staged: TableName) -> str:
    """Makes a query for what was loaded: `loaded_rows`, `distinct_rows`, and `clashing_ids` of several documents."""
    return (
        "SELECT SUM(row_count) AS loaded_rows, COUNT(*) AS distinct_rows, "
        "COUNT(DISTINCT IF(hash_count > 1, id, NULL)) AS clashing_ids FROM ("
        "SELECT id, `window`, COUNT(*) AS row_count, COUNT(DISTINCT content_hash) AS hash_count "
        f"FROM {staged.sql} GROUP BY id, `window`)"
    )


def _quote(name: str) -> str:
    """Quotes a column: `window` is a keyword of GoogleSQL, and a kept field may have such a name too."""
    return f"`{name}`"


def make_index_statement(table: TableName, column: str) -> str:
    """Makes `CREATE VECTOR INDEX` for one column of vectors: IVF over cosine distance."""
    return (
        f"CREATE VECTOR INDEX IF NOT EXISTS {table.table.replace('-', '_')}_{column}\n"
        f"ON {table.sql}({column}) OPTIONS(index_type = 'IVF', distance_type = 'COSINE')"
    )


def make_search_query(table: TableName, column: str) -> str:
    """Makes an example of a search: the ten rows nearest to one row of the table itself."""
    return f"""\
SELECT base.id, base.`window`, distance
FROM VECTOR_SEARCH(
  TABLE {table.sql}, '{column}',
  (SELECT {column} FROM {table.sql} WHERE `window` = 0 LIMIT 1),
  top_k => 10, distance_type => 'COSINE')
ORDER BY distance"""


def make_vectors_query(table: TableName, column: str) -> str:
    """Makes a query for what decides about an index: `total_rows`, `shortest`, `longest` vector."""
    return (
        f"SELECT COUNT(*) AS total_rows, MIN(ARRAY_LENGTH({column})) AS shortest, "
        f"MAX(ARRAY_LENGTH({column})) AS longest FROM {table.sql}"
    )


def find_obstacles(column: str, *, total_rows: int, shortest: int | None, longest: int | None) -> Sequence[str]:
    """Describes why BigQuery would refuse an index over `column`; nothing if it would not.

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
