"""The clients of BigQuery's APIs, and what their refusals mean.

They find their credentials where every Google client does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from albert_embed.pipeline.settings.table_name import TableName


def make_client(project: str | None) -> Any:
    """Makes a `google.cloud.bigquery.Client` whose jobs run in `project`; None means the environment's project."""
    from google.cloud import bigquery

    return bigquery.Client(project=project)


def make_read_client() -> Any:
    """Makes a `BigQueryReadClient`, for the Storage Read API."""
    from google.cloud import bigquery_storage_v1

    return bigquery_storage_v1.BigQueryReadClient()


def make_write_client() -> Any:
    """Makes a `BigQueryWriteClient`, for the Storage Write API."""
    from google.cloud import bigquery_storage_v1

    return bigquery_storage_v1.BigQueryWriteClient()


@contextlib.contextmanager
def explain_refusals(what: str) -> Iterator[None]:
    """Turns a refusal of the service before a run into a ValueError that begins with `what`.

    Raises:
      ValueError: if there are no credentials, or the service refuses the request. It keeps its cause.
    """
    try:
        yield
    except GoogleAuthError as e:
        raise ValueError(
            f"{what}: no credentials for Google Cloud were found ({e}); run `gcloud auth application-default login` "
            "or set GOOGLE_APPLICATION_CREDENTIALS"
        ) from e
    except exceptions.Forbidden as e:
        raise ValueError(
            f"{what}: {e.message}; the account needs roles/bigquery.dataEditor on the dataset, and "
            "roles/bigquery.jobUser on the project"
        ) from e
    except exceptions.ClientError as e:
        raise ValueError(f"{what}: {e.message}") from e


def find_table(table: TableName) -> Any:
    """Returns what BigQuery says of a table (`google.cloud.bigquery.Table`), before a run reads it.

    Raises:
      ValueError: if it can't be read.
    """
    with explain_refusals(table.option):
        return make_client(table.project).get_table(str(table))


def try_query(sql: str, project: str | None) -> Any:
    """Returns what BigQuery says of a query (`google.cloud.bigquery.QueryJob`), without running it.

    Args:
      sql: in GoogleSQL.
      project: where it would run; None means the environment's project.

    Raises:
      ValueError: if it is refused.
    """
    from google.cloud import bigquery

    with explain_refusals("--query"):
        return make_client(project).query(sql, job_config=bigquery.QueryJobConfig(dry_run=True))
