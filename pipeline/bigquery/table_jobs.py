"""`TableJobs`: runs BigQuery jobs for a table, each once however often it is requested."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.transforms.files.open_bytes import open_bytes

# https://cloud.google.com/bigquery/quotas: source URIs of one load job.
_MAX_URIS_PER_JOB = 10_000


class TableLoadError(RuntimeError):
    """A job of BigQuery failed. It has not changed the table at all."""


class TableJobs:
    """Runs jobs for one table.

    Args:
      client: of BigQuery.
      table: which table, for messages.

    Attributes:
      location: of the table's dataset, where the jobs run; None until it is known.
    """

    def __init__(self, client: Any, table: TableName) -> None:
        self._client = client
        self._table = table
        self.location: str | None = None

    def load(self, staged: TableName, paths: Sequence[str]) -> list[str]:
        """Loads files into a staging table, and returns the ids of the jobs.

        Args:
          staged: the staging table, whose name no other attempt has.
          paths: Parquet files. BigQuery reads files in a Google bucket there; others are sent to it.

        Raises:
          TableLoadError: if a job fails.
        """
        return [self._run(job_id, start) for job_id, start in self._list_loads(staged, paths)]

    def _list_loads(self, staged: TableName, paths: Sequence[str]) -> Iterator[tuple[str, Callable[[str], Any]]]:
        """Yields `(job id, a function that starts the job)` for every load job."""
        in_bucket = [path for path in paths if path.startswith("gs://")]
        for first in range(0, len(in_bucket), _MAX_URIS_PER_JOB):
            uris = in_bucket[first : first + _MAX_URIS_PER_JOB]
            yield self._job_id("load", str(staged), *uris), functools.partial(self._load_uris, staged, uris)
        for path in sorted(set(paths) - set(in_bucket)):
            yield self._job_id("load", str(staged), path), functools.partial(self._send_file, staged, path)

    def _load_uris(self, staged: TableName, uris: list[str], job_id: str) -> Any:
        return self._client.load_table_from_uri(
            uris, str(staged), job_id=job_id, location=self.location, job_config=_load_config()
        )

    def _send_file(self, staged: TableName, path: str, job_id: str) -> Any:
        with open_bytes(path) as file:
            return self._client.load_table_from_file(
                file, str(staged), job_id=job_id, location=self.location, job_config=_load_config()
            )

    def query(self, sql: str, what: str) -> tuple[Any, Any]:
        """Runs a query, and returns its finished job and its rows.

        Args:
          sql: the query, which names a staging table.
          what: a word for the job's id.

        Raises:
          TableLoadError: if it fails.
        """
        job_id = self._job_id(what, sql)
        self._run(job_id, lambda job_id: self._client.query(sql, job_id=job_id, location=self.location, job_retry=None))
        job = self._client.get_job(job_id, location=self.location)
        return job, job.result()

    def _job_id(self, what: str, *parts: str) -> str:
        """Returns the same id for the same work of one attempt, so a repeated request starts no second job."""
        digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16)
        return f"albert_embed_{what}_{digest.hexdigest()}"

    def _run(self, job_id: str, start: Callable[[str], Any]) -> str:
        """Runs a job to its end, even if it was started by an earlier request whose answer was lost."""
        with self.explain(f"the job {job_id}"):
            try:
                job = start(job_id)
            except exceptions.Conflict:
                job = self._client.get_job(job_id, location=self.location)
            job.result()
        return job_id

    @contextlib.contextmanager
    def explain(self, what: str) -> Iterator[None]:
        """Raises TableLoadError if BigQuery refuses something in the `with` block."""
        try:
            yield
        except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as e:  # network errors are OSErrors
            # The errors of jobs are dicts; those of gRPC are exceptions, which say no more than the message.
            errors = [error for error in getattr(e, "errors", ()) if isinstance(error, dict) and "message" in error]
            details = "; ".join(dict.fromkeys(error["message"] for error in errors)) or getattr(e, "message", str(e))
            raise TableLoadError(
                f"{self._table.option}: {what} failed: {details}. A table changes as a whole or not at all"
            ) from e


def _load_config() -> bigquery.LoadJobConfig:
    lists = bigquery.ParquetOptions()
    lists.enable_list_inference = True  # lists become arrays, not nested records
    return bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        parquet_options=lists,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
    )
