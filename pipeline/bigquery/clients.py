"""The clients of BigQuery's APIs. They find their credentials where every Google client does."""

from __future__ import annotations

from typing import Any


def make_client(project: str | None) -> Any:
    """A `google.cloud.bigquery.Client` whose jobs run in `project`; None takes the one of the environment."""
    from google.cloud import bigquery

    return bigquery.Client(project=project)


def make_read_client() -> Any:
    """A `BigQueryReadClient`, for the Storage Read API."""
    from google.cloud import bigquery_storage_v1

    return bigquery_storage_v1.BigQueryReadClient()


def make_write_client() -> Any:
    """A `BigQueryWriteClient`, for the Storage Write API."""
    from google.cloud import bigquery_storage_v1

    return bigquery_storage_v1.BigQueryWriteClient()
