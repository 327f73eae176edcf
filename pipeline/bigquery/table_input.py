"""`TableInput`: tables of BigQuery, or a query's result, as the input of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

from albert_embed.pipeline.bigquery import clients
from albert_embed.pipeline.bigquery.read_table import (
    StreamPart,
    TableReader,
    check_query,
    check_table,
    open_query,
    open_table,
)
from albert_embed.pipeline.bigquery.table_column import TableColumn, read_columns
from albert_embed.pipeline.records.part import InputParts
from albert_embed.pipeline.records.record_fields import FieldTypes, RecordFields
from albert_embed.pipeline.settings.embed_choices import BIGQUERY
from albert_embed.pipeline.settings.table_name import TableName

# The API's name of a type → its kind.
_KINDS = {"STRING": "string", "BYTES": "string", "INTEGER": "int64", "BOOLEAN": "int64", "FLOAT": "float"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableInput:
    """The input of a run, with the interface of `pipeline.inputs.file_input.FileInput`.

    Attributes:
      tables: the tables to read, if there is no query.
      query: the query whose result is read, if there is one.
      project: where the query runs; None means the environment's project.
    """

    tables: tuple[TableName, ...] = ()
    query: str | None = None
    project: str | None = None

    @property
    def format(self) -> str:
        """Its name in `--format`."""
        return BIGQUERY

    @property
    def fingerprint(self) -> str | None:
        """Returns None, because it is not known whether a table has changed."""
        return None

    @property
    def range_bytes(self) -> None:
        """None: a table is read by streams."""

    def find_field_types(self, wanted: Sequence[str]) -> FieldTypes:
        """Returns the types of its columns; none if no field is wanted.

        Raises:
          ValueError: if a table or the query can't be read.
        """
        named = "--query" if self.query is not None else self.tables[0].option
        if not wanted:
            return FieldTypes(named_by=named, types={})
        if self.query is not None:
            schema = clients.try_query(self.query, self.project).schema or ()
        else:
            schema = clients.find_table(self.tables[0]).schema
        return FieldTypes(named_by=named, types=name_kinds(read_columns(schema)))

    def check_fields(self, fields: RecordFields) -> int | None:
        """Checks that what is read has the fields, without reading it; no query runs.

        Returns:
          The bytes that BigQuery says it will read; None where it does not say.

        Raises:
          ValueError: if a table or the query can't be read, or a field is missing or has another type.
        """
        if self.query is not None:
            return check_query(self.query, self.project, fields)
        return sum(check_table(table, fields) for table in self.tables)

    def list_known_fields(self) -> Collection[str]:
        """Returns nothing: what a table lacks is refused when it is opened."""
        return ()

    def open_parts(self, fields: RecordFields, range_bytes: int | None = None) -> InputParts:
        """Returns the streams of the rows as they are now, and what reads them; a table has no ranges.

        Raises:
          ValueError: if a table or the query can't be read, or a field is missing.
        """
        if self.query is not None:
            sessions = [open_query(self.query, self.project, fields)]
        else:
            sessions = [open_table(table, fields) for table in self.tables]
        return InputParts(
            parts=[
                StreamPart(session=number, stream=stream)
                for number, session in enumerate(sessions)
                for stream in session.streams
            ],
            reader=TableReader(sessions),
            bytes=sum(session.bytes for session in sessions),
        )


def name_kinds(columns: Sequence[TableColumn]) -> dict[str, str]:
    """Returns each column → kind (`pipeline.settings.kept_fields`); "?" and the type where there is none."""
    kinds = {}
    for column in columns:
        kind = _KINDS.get(column.type, f"?{column.type}")
        kinds[column.name] = f"{kind}[]" if column.mode == "REPEATED" and kind.isalnum() else kind
    return kinds
