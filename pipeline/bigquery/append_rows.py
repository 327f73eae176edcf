"""Appends load files to a table through the Storage Write API (`--bigquery-method storage_write`), not by load jobs.

Each file goes through a pending stream of its own, every append with its offset, and all streams are committed in one
request. So the rows are there once or not at all, whatever is sent again. It needs no bucket, and does not count as a
load job, of which a table takes 1,500 per day. It sends the rows as Arrow. Beam's `WriteToBigQuery(STORAGE_WRITE_API)`
needs a Java expansion service, and makes a Beam Row of each row, one float at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.bigquery import clients
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.transforms.files.open_bytes import open_bytes

# https://cloud.google.com/bigquery/quotas#write-api-limits: a request has at most 10 MB.
MAX_REQUEST_BYTES = 9_500_000


class AppendError(RuntimeError):
    """The Storage Write API did not accept the rows; none of them are in the table."""


def append_files(table: TableName, paths: Sequence[str]) -> int:
    """Appends the rows of load files to a table, all of them or none, and returns how many there were.

    Args:
      table: has the columns of the files.
      paths: files of `pipeline.bigquery.load_format`, on any file system that Beam knows.

    Raises:
      AppendError: if the service refuses rows.
    """
    from google.cloud.bigquery_storage_v1 import types

    client = clients.make_write_client()
    parent = client.table_path(table.project, table.dataset, table.table)
    streams, total = [], 0
    for path in paths:
        stream = client.create_write_stream(
            parent=parent, write_stream=types.WriteStream(type_=types.WriteStream.Type.PENDING)
        )
        rows = _append_file(client, stream.name, path, MAX_REQUEST_BYTES)
        if rows:
            finalized = client.finalize_write_stream(name=stream.name)
            if finalized.row_count != rows:
                raise AppendError(f"{path} has {rows:,} rows, {finalized.row_count:,} arrived in {stream.name}")
            streams.append(stream.name)
        total += rows
    if streams:
        committed = client.batch_commit_write_streams(
            request=types.BatchCommitWriteStreamsRequest(parent=parent, write_streams=streams)
        )
        if committed.stream_errors:
            errors = "; ".join(f"{error.entity}: {error.error_message}" for error in committed.stream_errors)
            raise AppendError(f"the streams were not committed: {errors}")
    return total


def _append_file(client: Any, stream: str, path: str, max_request_bytes: int) -> int:
    """Appends the rows of one file to a stream, and returns how many there were."""
    rows = 0
    with open_bytes(path) as file:
        table = pq.ParquetFile(pa.PythonFile(file, mode="r"))
        for group in range(table.metadata.num_row_groups):
            content = widen_floats(table.read_row_group(group))
            for response in client.append_rows(_make_requests(stream, content, rows, max_request_bytes)):
                if response.error.code:
                    details = "; ".join(error.message for error in response.row_errors) or response.error.message
                    raise AppendError(f"{path}: {details}")
            rows += content.num_rows
    return rows


def _make_requests(stream: str, content: pa.Table, offset: int, max_request_bytes: int) -> Iterator[Any]:
    from google.cloud.bigquery_storage_v1 import types

    schema = types.ArrowSchema(serialized_schema=content.schema.serialize().to_pybytes())
    for batch in content.combine_chunks().to_batches():
        for part in cut_batch(batch, max_request_bytes):
            yield types.AppendRowsRequest(
                write_stream=stream,
                offset=offset,
                arrow_rows=types.AppendRowsRequest.ArrowData(
                    writer_schema=schema,
                    rows=types.ArrowRecordBatch(serialized_record_batch=part.serialize().to_pybytes()),
                ),
            )
            offset += part.num_rows


def cut_batch(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Yields the rows in parts of at most `max_bytes` when serialised; a single row may have more."""
    if batch.num_rows <= 1 or pa.ipc.get_record_batch_size(batch) <= max_bytes:
        if batch.num_rows:
            yield batch
        return
    half = batch.num_rows // 2
    yield from cut_batch(batch.slice(0, half), max_bytes)
    yield from cut_batch(batch.slice(half), max_bytes)


def widen_floats(table: pa.Table) -> pa.Table:
    """Returns the table with float64 for float32, because BigQuery's FLOAT64 is float64 in Arrow."""
    return table.cast(pa.schema([pa.field(field.name, _widen(field.type)) for field in table.schema]))


def _widen(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_list(type_):
        return pa.list_(_widen(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(field.name, _widen(field.type)) for field in type_])
    return pa.float64() if pa.types.is_float32(type_) else type_
