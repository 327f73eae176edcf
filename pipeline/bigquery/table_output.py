"""`TableOutput`: the table that a run writes to; checked before the run, loaded and merged after it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from apache_beam.io.filesystems import FileSystems
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from albert_embed.pipeline.bigquery import clients
from albert_embed.pipeline.bigquery.append_rows import AppendError, append_files
from albert_embed.pipeline.bigquery.explain_errors import explain_refusals
from albert_embed.pipeline.bigquery.merge_statement import make_count_query, make_merge_statement
from albert_embed.pipeline.bigquery.table_column import TableColumn, compare_columns, describe_schema
from albert_embed.pipeline.bigquery.table_layout import LOADED_AT, TableLayout
from albert_embed.pipeline.bigquery.vector_index import (
    find_obstacles,
    make_index_statement,
    make_search_query,
    make_vectors_query,
)
from albert_embed.pipeline.dataset.table_load import TableLoad, VectorIndex
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_SCHEMA
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.transforms.columns import ID

logger = logging.getLogger(__name__)

WIDTH_LABEL = "albert_embed_hidden_size"
# A staging table outlives a run that died by this much.
_STAGING_SECONDS = 24 * 3600
# https://cloud.google.com/bigquery/quotas: source URIs of one load job.
_URIS_OF_A_JOB = 10_000


class TableLoadError(RuntimeError):
    """A job of BigQuery failed. What it was to do to the table was not done at all."""


class TableOutput:
    """The table of one run.

    Args:
      table: its name.
      layout: the columns of the rows.
      run_fingerprint: names the staging table; the same for a run that is repeated.
      method: how rows come into the staging table, by load jobs ("file_loads") or by the Storage Write API
        ("storage_write").
    """

    def __init__(
        self, table: TableName, layout: TableLayout, *, run_fingerprint: str, method: str = "file_loads"
    ) -> None:
        self.table = table
        self._method = method
        self._layout = layout
        staged = f"{table.table}_staging_{run_fingerprint[:16]}"
        if method == "storage_write":
            # Its streams can be refused for minutes where a table of the same name has just been deleted.
            staged += f"_{time.time_ns() // 1_000_000}"
        self._staged = dataclasses.replace(table, table=staged)
        with explain_refusals(table.option):
            self._client = clients.make_client(table.project)
        self._location: str | None = None

    def check(self) -> None:
        """Finds out, before anything is read, whether the rows will fit.

        Raises:
          ValueError: where the dataset is not there, or the table is and has columns or vectors of another kind; the
            message names each difference.
        """
        with explain_refusals(self.table.option):
            try:
                self._location = self._client.get_dataset(f"{self.table.project}.{self.table.dataset}").location
            except exceptions.NotFound as e:
                raise ValueError(
                    f"{self.table.option}: there is no dataset {self.table.dataset} in {self.table.project}; make it "
                    f"with `bq mk --dataset {self.table.project}:{self.table.dataset}`"
                ) from e
            try:
                found = self._client.get_table(str(self.table))
            except exceptions.NotFound:
                return
            self._check_table(found)

    def _check_table(self, found: bigquery.Table) -> None:
        differences = compare_columns(self._layout.columns(), tuple(_read_column(field) for field in found.schema))
        if found.table_type != "TABLE":
            differences.append(f"it is a {found.table_type}, not a table")
        if found.require_partition_filter:
            differences.append("it asks every statement for a partition filter, which a merge on ids has not")
        width = None if differences else self._find_width(found)
        if width is not None and width != self._layout.rows.hidden_size:
            differences.append(f"its vectors have {width:,} values; here they have {self._layout.rows.hidden_size:,}")
        if differences:
            raise ValueError(
                f"the rows of this run do not fit into {self.table.option}: {'; '.join(differences)}. Give another "
                "table, or other --embeddings and --keep-fields, or alter that one"
            )

    def _find_width(self, found: bigquery.Table) -> int | None:
        """Width of the vectors that the table holds; None where it holds none."""
        if WIDTH_LABEL in found.labels:
            return int(found.labels[WIDTH_LABEL])
        for name in self._layout.vectors:
            for row in self._client.query_and_wait(f"SELECT ARRAY_LENGTH({name}) FROM {self.table.sql} LIMIT 1"):
                return int(row[0])
        return None

    def load(self, paths: Sequence[str], tombstones: Sequence[str] = ()) -> TableLoad:
        """Brings the rows of the load files into the table: into a staging table first, from there by one MERGE.

        Whatever happens, the table has its old rows or the new ones. Doing it again changes nothing.

        Args:
          paths: files of `pipeline.bigquery.load_format`. What lies in a Google bucket is read there by BigQuery,
            anything else is sent to it.
          tombstones: files of `TOMBSTONE_SCHEMA`: the documents whose rows go where no new ones are loaded.

        Raises:
          TableLoadError: where a job fails.
        """
        created, job_ids = self._stage(self._staged, self._layout.staged_columns(), paths)
        dropped = None
        if tombstones:
            dropped = dataclasses.replace(self._staged, table=f"{self._staged.table}_tombstones")
            job_ids += self._stage(dropped, describe_schema(TOMBSTONE_SCHEMA), tombstones)[1]
        counted = next(iter(self._query(make_count_query(self._staged), created, "count")[1]))
        if counted["clashing_ids"]:
            logger.warning(
                "%s: %d ids are shared by documents with different contents; of each the table has one. Give the "
                "documents ids of their own",
                self.table,
                counted["clashing_ids"],
            )
        self._make_table()
        statement = make_merge_statement(self.table, self._staged, self._layout, tombstones=dropped)
        merge, _ = self._query(statement, created, "merge")
        with contextlib.suppress(exceptions.GoogleAPIError, OSError):  # they expire anyway
            for staged in filter(None, (self._staged, dropped)):
                self._client.delete_table(str(staged), not_found_ok=True)
        statistics = merge.dml_stats
        return TableLoad(
            table=str(self.table),
            loaded_rows=counted["loaded_rows"] or 0,
            rows=counted["distinct_rows"],
            clashing_ids=counted["clashing_ids"],
            inserted=None if statistics is None else statistics.inserted_row_count,
            updated=None if statistics is None else statistics.updated_row_count,
            deleted=None if statistics is None else statistics.deleted_row_count,
            job_ids=[*job_ids, merge.job_id],
        )

    def index_vectors(self, *, run: bool) -> list[VectorIndex]:
        """Describes the vector index of each column of vectors.

        Args:
          run: whether to make the indexes, too; BigQuery builds them in the background.

        Raises:
          TableLoadError: where a job fails; the rows are in the table all the same.
        """
        return [self._index_column(column, run=run) for column in self._layout.vectors]

    def _index_column(self, column: str, *, run: bool) -> VectorIndex:
        with self._explain(f"looking at the vectors of {column}"):
            found = next(iter(self._client.query_and_wait(make_vectors_query(self.table, column))))
        obstacles = list(find_obstacles(column, **dict(found)))
        statement = make_index_statement(self.table, column)
        if run and not obstacles:
            with self._explain(f"the index of {column}"):
                self._client.query_and_wait(statement)
        return VectorIndex(
            column=column,
            statement=statement,
            search=make_search_query(self.table, column),
            obstacles=obstacles,
            made=run and not obstacles,
        )

    def _make_staging_table(self, staged: TableName, columns: Sequence[TableColumn]) -> str:
        """An empty staging table; when it was made tells its jobs from those of an earlier attempt."""
        with self._explain("making the staging table"):
            self._client.delete_table(str(staged), not_found_ok=True)
            staging = bigquery.Table(str(staged), schema=[_make_field(column) for column in columns])
            staging.expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
                seconds=_STAGING_SECONDS
            )
            return str(self._client.create_table(staging).created)

    def _make_table(self) -> None:
        table = bigquery.Table(str(self.table), schema=[_make_field(column) for column in self._layout.columns()])
        table.description = "Embeddings of texts, one row for each document or window of one (albert-embed)"
        table.clustering_fields = [ID]
        table.time_partitioning = bigquery.TimePartitioning(type_=bigquery.TimePartitioningType.DAY, field=LOADED_AT)
        table.labels = {WIDTH_LABEL: str(self._layout.rows.hidden_size)}
        with self._explain("making the table"):
            self._client.create_table(table, exists_ok=True)

    def _stage(self, staged: TableName, columns: Sequence[TableColumn], paths: Sequence[str]) -> tuple[str, list[str]]:
        """Brings the rows of files into a new staging table; when it was made, and the ids of the jobs that it took."""
        created = self._make_staging_table(staged, columns)
        if self._method == "file_loads":
            return created, [self._run(job_id, start) for job_id, start in self._load_jobs(staged, paths, created)]
        with self._explain("appending the rows"):
            try:
                append_files(staged, paths)
            except AppendError as e:
                raise TableLoadError(f"{self.table.option}: {e}. The table is as it was; run the command again") from e
        return created, []

    def _load_jobs(
        self, staged: TableName, paths: Sequence[str], created: str
    ) -> Iterator[tuple[str, Callable[[str], Any]]]:
        """`(job id, what starts the job)` of every load job."""
        in_bucket = [path for path in paths if path.startswith("gs://")]
        for first in range(0, len(in_bucket), _URIS_OF_A_JOB):
            uris = in_bucket[first : first + _URIS_OF_A_JOB]
            yield self._job_id("load", created, *uris), functools.partial(self._load_uris, staged, uris)
        for path in sorted(set(paths) - set(in_bucket)):
            yield self._job_id("load", created, path), functools.partial(self._send_file, staged, path)

    def _load_uris(self, staged: TableName, uris: list[str], job_id: str) -> Any:
        return self._client.load_table_from_uri(
            uris, str(staged), job_id=job_id, location=self._location, job_config=_load_config()
        )

    def _send_file(self, staged: TableName, path: str, job_id: str) -> Any:
        with FileSystems.open(path, compression_type="uncompressed") as file:
            return self._client.load_table_from_file(
                file, str(staged), job_id=job_id, location=self._location, job_config=_load_config()
            )

    def _query(self, sql: str, created: str, what: str) -> tuple[Any, Any]:
        """The finished job of a query, and its rows."""
        job_id = self._job_id(what, created, sql)
        self._run(
            job_id, lambda job_id: self._client.query(sql, job_id=job_id, location=self._location, job_retry=None)
        )
        job = self._client.get_job(job_id, location=self._location)
        return job, job.result()

    def _job_id(self, what: str, created: str, *parts: str) -> str:
        """The same for the same work of one attempt: a request that is sent again starts no second job."""
        digest = hashlib.blake2b("\0".join((str(self._staged), created, *parts)).encode(), digest_size=16)
        return f"albert_embed_{what}_{digest.hexdigest()}"

    def _run(self, job_id: str, start: Callable[[str], Any]) -> str:
        """Runs a job to its end, also where it was started by an earlier request whose answer was lost."""
        with self._explain(f"the job {job_id}"):
            try:
                job = start(job_id)
            except exceptions.Conflict:
                job = self._client.get_job(job_id, location=self._location)
            job.result()
        return job_id

    @contextlib.contextmanager
    def _explain(self, what: str) -> Iterator[None]:
        try:
            yield
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as e:  # what the network refuses is an OSError
            # The jobs' errors are dicts; those of gRPC are exceptions, and say no more than the message.
            errors = [error for error in getattr(e, "errors", ()) if isinstance(error, dict) and "message" in error]
            details = "; ".join(dict.fromkeys(error["message"] for error in errors)) or getattr(e, "message", str(e))
            raise TableLoadError(
                f"{self.table.option}: {what} failed: {details}. A table changes as a whole or not at all; run the "
                "same command again once the cause is gone"
            ) from e


def _load_config() -> bigquery.LoadJobConfig:
    lists = bigquery.ParquetOptions()
    lists.enable_list_inference = True  # lists become arrays, not records of a record of an element
    return bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        parquet_options=lists,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
    )


def _read_column(field: bigquery.SchemaField) -> TableColumn:
    return TableColumn(
        name=field.name,
        type=field.field_type,
        mode=field.mode,
        fields=tuple(_read_column(inner) for inner in field.fields),
    )


def _make_field(column: TableColumn) -> bigquery.SchemaField:
    fields = [_make_field(inner) for inner in column.fields]
    return bigquery.SchemaField(column.name, column.type, mode=column.mode, fields=fields)
