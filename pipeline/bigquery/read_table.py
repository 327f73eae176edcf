"""`TableReader`: reads the rows of a table, or of a query's result, as Records.

The Storage Read API gives Arrow, which is used as it is. Beam's `ReadFromBigQuery` would make a Python dict of every
row, or export the table to a bucket first. There is one read session for the whole run: it shows the table as it was
when the run began, whatever is written to it meanwhile. BigQuery ends a session after some hours (`expire_time`).
Reading after that is an error, and such a corpus is better exported to files.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from albert_embed.pipeline.bigquery import clients
from albert_embed.pipeline.bigquery.clients import explain_refusals
from albert_embed.pipeline.bigquery.table_column import TableColumn, read_columns
from albert_embed.pipeline.records.content_id import content_id, hash_content
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.table_name import TableName

_BATCH_ROWS = 2048
_TEXT_TYPES = ("STRING", "BYTES")
_ID_TYPES = (*_TEXT_TYPES, "INTEGER")
_KEPT_TYPES = {
    "string": _TEXT_TYPES,
    "int64": ("INTEGER", "BOOLEAN"),
    "float": ("FLOAT", "INTEGER"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableStreams:
    """A read session.

    Attributes:
      source: what the user named, for messages.
      streams: the names of its streams, which together have every row once.
      schema: the Arrow schema of the rows, serialised.
      id_column: the column of the id, where the table has one.
      bytes: about how large the rows are.
    """

    source: str
    streams: tuple[str, ...]
    schema: bytes
    id_column: str | None
    bytes: int = 0


def open_table(table: TableName, fields: RecordFields) -> TableStreams:
    """Opens a read session over the fields of a table.

    Raises:
      ValueError: if it can't be read, or a field is missing or has another type.
    """
    return _open_session(table, table.option, clients.find_table(table).schema, fields)


def check_table(table: TableName, fields: RecordFields) -> int:
    """Checks that a table has the fields; returns its bytes.

    Raises:
      ValueError: if it can't be read, or a field is missing or has another type.
    """
    found = clients.find_table(table)
    check_fields(table.option, read_columns(found.schema), fields)
    return int(found.num_bytes or 0)


def check_query(sql: str, project: str | None, fields: RecordFields) -> int | None:
    """Checks that the result of a query has the fields, without running it; returns the bytes that it will read.

    Raises:
      ValueError: if it is refused, or a field is missing or has another type.
    """
    job = clients.try_query(sql, project)
    check_fields("--query", read_columns(job.schema or ()), fields)
    return None if job.total_bytes_processed is None else int(job.total_bytes_processed)


def open_query(sql: str, project: str | None, fields: RecordFields) -> TableStreams:
    """Runs a query now, and opens a read session over the fields of its result.

    Args:
      sql: in GoogleSQL.
      project: where it runs; None means the environment's project.
      fields: what is read from the result.

    Raises:
      ValueError: if it fails, or a field of its result is missing or has another type.
    """
    with explain_refusals("--query"):
        client = clients.make_client(project)
        job = client.query(sql)
        job.result(max_results=1)
        result = job.destination
        if result is None:
            raise ValueError("--query: the statement gives no rows; give a SELECT")
        schema = client.get_table(result).schema
    table = TableName(project=result.project, dataset=result.dataset_id, table=result.table_id)
    return _open_session(table, "--query", schema, fields, billed=client.project)


def _open_session(
    table: TableName, source: str, schema: Sequence[Any], fields: RecordFields, billed: str | None = None
) -> TableStreams:
    from google.cloud.bigquery_storage_v1 import types

    check_fields(source, read_columns(schema), fields)
    names = {field.name for field in schema}
    session = types.ReadSession(
        table=f"projects/{table.project}/datasets/{table.dataset}/tables/{table.table}",
        data_format=types.DataFormat.ARROW,
        read_options=types.ReadSession.TableReadOptions(
            selected_fields=[name for name in fields.names if name in names]
        ),
    )
    with explain_refusals(source):
        opened = clients.make_read_client().create_read_session(
            parent=f"projects/{billed or table.project}", read_session=session
        )
    return TableStreams(
        source=source,
        streams=tuple(stream.name for stream in opened.streams),
        schema=opened.arrow_schema.serialized_schema,
        id_column=fields.id if fields.id in names else None,
        bytes=int(opened.estimated_total_bytes_scanned),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What a column must be.

    Attributes:
      option: that names it.
      types: which of the API's types it may have.
      is_list: whether a row has a list of values.
    """

    option: str
    types: tuple[str, ...]
    is_list: bool = False


def check_fields(source: str, columns: Sequence[TableColumn], fields: RecordFields) -> None:
    """Raises ValueError if the columns are not those of `fields`.

    Files are read record by record, and each record that lacks a field fails alone. A table has a schema beforehand.
    """
    found = {column.name: column for column in columns}
    wanted = {fields.text: _Wanted(option="--text-field", types=_TEXT_TYPES)}
    if fields.pair is not None:
        wanted[fields.pair] = _Wanted(option="--pair-field", types=_TEXT_TYPES)
    if fields.id_required or fields.id in found:
        wanted[fields.id] = _Wanted(option="--id-field", types=_ID_TYPES)
    for column, kept in fields.kept.items():
        types = _KEPT_TYPES[kept.value.name]
        wanted[fields.find_field(column)] = _Wanted(option="--keep-fields", types=types, is_list=kept.is_list)
    problems = [problem for name, what in wanted.items() if (problem := _compare(name, what, found.get(name)))]
    if problems:
        raise ValueError(
            f"{source}: {'; '.join(problems)}. Its columns are: {', '.join(found)}. Name other fields, or give a "
            "--query that selects them"
        )


def _compare(name: str, wanted: _Wanted, found: TableColumn | None) -> str | None:
    """Returns what is wrong with a column; None where nothing is."""
    if found is None:
        return f"there is no column {name!r} ({wanted.option})"
    is_list = found.mode == "REPEATED"
    if found.type in wanted.types and is_list == wanted.is_list:
        return None
    there = f"ARRAY<{found.type}>" if is_list else found.type
    choices = " or ".join(f"ARRAY<{choice}>" if wanted.is_list else choice for choice in wanted.types)
    return f"the column {name!r} is {there}, {wanted.option} takes {choices}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamPart:
    """One stream of a session, as a part of the input.

    Attributes:
      session: the number of its session.
      stream: its name.
    """

    session: int
    stream: str

    @property
    def key(self) -> bytes:
        """A hash of 16 bytes, the same whenever the stream is read."""
        return hash_content(self.stream.encode())

    @property
    def stored_bytes(self) -> int:
        """0: how the rows of a table are divided among its streams is not known beforehand."""
        return 0


class TableReader:
    """Reads streams of sessions as Records. The client resumes where a connection breaks.

    A stream gives the same rows in the same order whenever it is read, so a row's number in it is its place.

    Args:
      sessions: of the input.
    """

    def __init__(self, sessions: Sequence[TableStreams]) -> None:
        self._sessions = tuple(sessions)
        self._client: Any = None

    def setup(self) -> None:
        """Connects to BigQuery."""
        self._client = clients.make_read_client()

    def read(self, part: StreamPart) -> Iterator[Records]:
        """Yields the rows of one stream."""
        session = self._sessions[part.session]
        schema = pa.ipc.read_schema(pa.py_buffer(session.schema))
        for response in self._client.read_rows(part.stream):
            batch = pa.ipc.read_record_batch(pa.py_buffer(response.arrow_record_batch.serialized_record_batch), schema)
            for first in range(0, batch.num_rows, _BATCH_ROWS):
                yield make_records(batch.slice(first, _BATCH_ROWS), session.source, session.id_column)


def make_records(rows: pa.RecordBatch, source: str, id_column: str | None) -> Records:
    """Turns rows of a table into Records. They have no order: each is identified by its id, or a hash of its fields."""
    return Records(
        file=source,
        unit="row",
        positions=_RowNames(rows, id_column),
        columns=dict(zip(rows.schema.names, rows.columns, strict=True)),
    )


class _RowNames(Sequence[str]):
    """The name of each row in a failure, made only for rows that fail."""

    def __init__(self, rows: pa.RecordBatch, id_column: str | None) -> None:
        self._rows = rows
        self._id_column = id_column

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[number] for number in range(len(self))[row]]
        value = None if self._id_column is None else self._rows.column(self._id_column)[row].as_py()
        if value is not None:
            return f"with id {value!r}"
        values = [repr(column[row].as_py()).encode() for column in self._rows.columns]
        return f"with hash {content_id(*values).decode()}"
