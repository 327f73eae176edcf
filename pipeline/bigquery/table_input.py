"""`TableInput`: tables of BigQuery, or a query's result, as the input of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from albert_embed.pipeline.bigquery import clients
from albert_embed.pipeline.bigquery.clients import explain_refusals
from albert_embed.pipeline.bigquery.read_table import ReadTable, TableStreams, open_query, open_table
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.pipeline.sources.record_fields import RecordFields

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableInput:
    """What a run reads, as `pipeline.sources.file_input.FileInput` has it.

    Attributes:
      tables: which are read;
      query: or the query whose result is.
      project: where the query runs; None for the one of the environment.
    """

    tables: tuple[TableName, ...] = ()
    query: str | None = None
    project: str | None = None

    @property
    def format(self) -> str:
        """What `--format` calls it."""
        return "bigquery"

    @property
    def fingerprint(self) -> str | None:
        """None: it can't be told whether a table is what it was."""
        return None

    def find_field_types(self, wanted: Sequence[str]) -> tuple[str, dict[str, str]]:
        """What is asked, and its fields with their types; nothing is asked where no field is wanted.

        Raises:
          ValueError: where a table or the query can't be read.
        """
        named = "--query" if self.query is not None else self.tables[0].option
        if not wanted:
            return named, {}
        if self.query is not None:
            return named, read_query_kinds(self.query, self.project)
        return named, read_table_kinds(self.tables[0])

    def read(self, fields: RecordFields) -> beam.PTransform:
        """The step that reads the rows as they are now.

        Raises:
          ValueError: where a table or the query can't be read, or lacks a field.
        """
        if self.query is not None:
            return ReadTables([open_query(self.query, self.project, fields)])
        return ReadTables([open_table(table, fields) for table in self.tables])


class ReadTables(beam.PTransform):
    """The rows of several sessions → Records.

    Args:
      sessions: one for each table.
    """

    def __init__(self, sessions: Sequence[TableStreams]) -> None:
        super().__init__()
        self._sessions = tuple(sessions)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return [
            pipeline | f"ReadTable{number}" >> ReadTable(session) for number, session in enumerate(self._sessions)
        ] | "AllTables" >> beam.Flatten()


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
