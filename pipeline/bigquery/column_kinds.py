"""Types of kept fields, as the schema of a table or of a query's result says them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from albert_embed.pipeline.bigquery import clients
from albert_embed.pipeline.bigquery.explain_errors import explain_refusals
from albert_embed.pipeline.settings.table_name import TableName

_KINDS = {
    "STRING": "string",
    "BYTES": "string",
    "INTEGER": "int64",
    "INT64": "int64",
    "BOOLEAN": "int64",
    "BOOL": "int64",
    "FLOAT": "float",
    "FLOAT64": "float",
}


def read_table_kinds(table: TableName) -> dict[str, str]:
    """Column → kind (`pipeline.settings.kept_fields`); "?" and the type where there is none.

    Raises:
      ValueError: where the table can't be read.
    """
    with explain_refusals(table.option):
        return name_kinds(clients.make_client(table.project).get_table(str(table)).schema)


def read_query_kinds(sql: str, project: str | None) -> dict[str, str]:
    """The same of a query's result, without running it.

    Raises:
      ValueError: where the query is refused.
    """
    from google.cloud import bigquery

    with explain_refusals("--query"):
        job = clients.make_client(project).query(sql, job_config=bigquery.QueryJobConfig(dry_run=True))
        return name_kinds(job.schema or ())


def name_kinds(schema: Sequence[Any]) -> dict[str, str]:
    """The kind of each field of a schema."""
    kinds = {}
    for field in schema:
        kind = _KINDS.get(field.field_type, f"?{field.field_type}")
        kinds[field.name] = f"{kind}[]" if field.mode == "REPEATED" and kind.isalnum() else kind
    return kinds
