"""`TableOutput`: the table that a run writes to. It is checked before the run, and loaded and merged after it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
import uuid
from collections.abc import Callable, Sequence

from google.api_core import exceptions
from google.cloud import bigquery

from albert_embed.pipeline.bigquery import clients
from albert_embed.pipeline.bigquery.append_rows import AppendError, append_files
from albert_embed.pipeline.bigquery.clients import explain_refusals
from albert_embed.pipeline.bigquery.statements import (
    find_obstacles,
    make_count_query,
    make_index_statement,
    make_merge_statement,
    make_search_query,
    make_vectors_query,
)
from albert_embed.pipeline.bigquery.table_column import TableColumn, compare_columns, describe_schema, read_columns
from albert_embed.pipeline.bigquery.table_jobs import TableJobs, TableLoadError
from albert_embed.pipeline.bigquery.table_layout import LOADED_AT, TableLayout
from albert_embed.pipeline.dataset.table_load import TableLoad, TableVectorIndex
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_SCHEMA
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.transforms.rows.columns import ID, MEAN_OUTPUT

logger = logging.getLogger(__name__)

WIDTH_LABEL = "albert_embed_hidden_size"
# How long a staging table outlives a run that died.
_STAGING_SECONDS = 24 * 3600


class TableOutput:
    """The table of one run.

    Args:
      table: its name.
      layout: the columns of the rows.
      staging_name: a part of the names of its staging tables, which no other run has.
      method: how rows get into the staging table: by load jobs ("file_loads") or by the Storage Write API
        ("storage_write").
    """

    def __init__(self, table: TableName, layout: TableLayout, *, staging_name: str, method: str = "file_loads") -> None:
        self.table = table
        self._method = method
        self._layout = layout
        self._staging_prefix = f"{table.table}_staging_{staging_name[:16]}_"
        with explain_refusals(table.option):
            self._client = clients.make_client(table.project)
        self._jobs = TableJobs(self._client, table)

    def check(self) -> None:
        """Checks, before anything is read, whether the rows will fit.

        Raises:
          ValueError: if the dataset is not there, or if the table has other columns or vectors; the message names each
            difference.
        """
        self.locate()
        with explain_refusals(self.table.option):
            try:
                found = self._client.get_table(str(self.table))
            except exceptions.NotFound:
                return
            self._check_table(found)

    def locate(self) -> None:
        """Finds out where the dataset is: its jobs run there.

        Raises:
          ValueError: if the dataset is not there.
        """
        with explain_refusals(self.table.option):
            try:
                self._jobs.location = self._client.get_dataset(f"{self.table.project}.{self.table.dataset}").location
            except exceptions.NotFound as e:
                raise ValueError(
                    f"{self.table.option}: there is no dataset {self.table.dataset} in {self.table.project}; make it "
                    f"with `bq mk --dataset {self.table.project}:{self.table.dataset}`"
                ) from e

    def _check_table(self, found: bigquery.Table) -> None:
        differences = compare_columns(self._layout.columns(), read_columns(found.schema))
        if found.table_type != "TABLE":
            differences.append(f"it is a {found.table_type}, not a table")
        if found.require_partition_filter:
            differences.append("it requires a partition filter in every statement, which a merge on ids does not have")
        width = None if differences else self._find_width(found)
        own = self._layout.rows.width(MEAN_OUTPUT)
        if width is not None and width != own:
            differences.append(f"its vectors have {width:,} values; here they have {own:,}")
        if differences:
            raise ValueError(
                f"the rows of this run do not fit into {self.table.option}: {'; '.join(differences)}. Give another "
                "table, or other --embeddings and --keep-fields, or alter that one"
            )

    def _find_width(self, found: bigquery.Table) -> int | None:
        """Finds the width of the vectors in the table; None where it holds none."""
        if WIDTH_LABEL in found.labels:
            return int(found.labels[WIDTH_LABEL])
        for name in self._layout.vectors:
            for row in self._client.query_and_wait(f"SELECT ARRAY_LENGTH({name}) FROM {self.table.sql} LIMIT 1"):
                return int(row[0])
        return None

    def load(
        self,
        paths: Sequence[str],
        tombstones: Sequence[str] = (),
        *,
        check: Callable[[], None] = lambda: None,
    ) -> TableLoad:
        """Loads the rows of the load files into a staging table first, and from there into the table by one MERGE.

        Whatever happens, the table has its old rows or the new ones. Doing it again changes nothing, at the same time
        neither: each time has staging tables of its own, which stay until `drop_staging_tables`, or for a day.

        Args:
          paths: files of `pipeline.bigquery.load_format`. BigQuery reads files in a Google bucket there; others are
            sent to it.
          tombstones: files of `TOMBSTONE_SCHEMA`: documents that lose their rows where no new ones are loaded.
          check: is called before the table is touched; what it raises ends the load.

        Raises:
          TableLoadError: if a job fails.
        """
        staged = dataclasses.replace(self.table, table=f"{self._staging_prefix}{uuid.uuid4().hex[:8]}")
        job_ids = self._stage(staged, self._layout.staged_columns(), paths)
        dropped = None
        if tombstones:
            dropped = dataclasses.replace(staged, table=f"{staged.table}_tombstones")
            job_ids += self._stage(dropped, describe_schema(TOMBSTONE_SCHEMA), tombstones)
        counted = next(iter(self._jobs.query(make_count_query(staged), "count")[1]))
        if counted["clashing_ids"]:
            logger.warning(
                "%s: %d ids are shared by documents with different contents; the table has one document for each. Give "
                "the documents ids of their own",
                self.table,
                counted["clashing_ids"],
            )
        self._make_table()
        check()
        statement = make_merge_statement(self.table, staged, self._layout, tombstones=dropped)
        merge, _ = self._jobs.query(statement, "merge")
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

    def drop_staging_tables(self) -> None:
        """Drops the staging tables of all attempts of the run, once its rows are in the table and that is known.

        One that is still on its way then fails, and can not bring back rows that a later run replaces.
        """
        with contextlib.suppress(exceptions.GoogleAPIError, OSError):  # they expire anyway
            for found in self._client.list_tables(f"{self.table.project}.{self.table.dataset}"):
                if found.table_id.startswith(self._staging_prefix):
                    self._client.delete_table(found.reference, not_found_ok=True)

    def index_vectors(self, *, run: bool) -> list[TableVectorIndex]:
        """Describes the vector index of each column of vectors.

        Args:
          run: whether to make the indexes too; BigQuery builds them in the background.

        Raises:
          TableLoadError: if a job fails; the rows are in the table nevertheless.
        """
        return [self._index_column(column, run=run) for column in self._layout.vectors]

    def _index_column(self, column: str, *, run: bool) -> TableVectorIndex:
        with self._jobs.explain(f"looking at the vectors of {column}"):
            found = next(iter(self._client.query_and_wait(make_vectors_query(self.table, column))))
        obstacles = list(find_obstacles(column, **dict(found)))
        statement = make_index_statement(self.table, column)
        if run and not obstacles:
            with self._jobs.explain(f"the index of {column}"):
                self._client.query_and_wait(statement)
        return TableVectorIndex(
            column=column,
            statement=statement,
            search=make_search_query(self.table, column),
            obstacles=obstacles,
            made=run and not obstacles,
        )

    def _make_staging_table(self, staged: TableName, columns: Sequence[TableColumn]) -> None:
        with self._jobs.explain("making the staging table"):
            staging = bigquery.Table(str(staged), schema=[_make_field(column) for column in columns])
            staging.expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=_STAGING_SECONDS)
            self._client.create_table(staging, exists_ok=True)  # a request whose answer was lost is sent again

    def _make_table(self) -> None:
        table = bigquery.Table(str(self.table), schema=[_make_field(column) for column in self._layout.columns()])
        table.description = "Embeddings of texts, one row for each document or window of one (albert-embed)"
        table.clustering_fields = [ID]
        table.time_partitioning = bigquery.TimePartitioning(type_=bigquery.TimePartitioningType.DAY, field=LOADED_AT)
        table.labels = {WIDTH_LABEL: str(self._layout.rows.width(MEAN_OUTPUT))}
        with self._jobs.explain("making the table"):
            self._client.create_table(table, exists_ok=True)

    def _stage(self, staged: TableName, columns: Sequence[TableColumn], paths: Sequence[str]) -> list[str]:
        """Loads files into a new staging table, and returns the ids of the jobs."""
        self._make_staging_table(staged, columns)
        if self._method == "file_loads":
            return self._jobs.load(staged, paths)
        with self._jobs.explain("appending the rows"):
            try:
                append_files(staged, paths)
            except AppendError as e:
                raise TableLoadError(f"{self.table.option}: {e}. The table is as it was") from e
        return []


def _make_field(column: TableColumn) -> bigquery.SchemaField:
    fields = [_make_field(inner) for inner in column.fields]
    return bigquery.SchemaField(column.name, column.type, mode=column.mode, fields=fields)
