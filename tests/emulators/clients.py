"""Directs the clients of this process to the emulators, where the environment names them."""

from __future__ import annotations

import os
from typing import Any


def use_emulators() -> None:
    """Gives every client anonymous credentials, and directs the Storage API's clients to the emulator's plain gRPC.

    The other clients read what they need from the environment (`Emulators.environment`).
    """
    import google.auth
    from google.auth.credentials import AnonymousCredentials

    import albert_embed.pipeline.bigquery.clients as clients

    def anonymous(*_: object, **__: object) -> tuple[Any, str]:
        return AnonymousCredentials(), os.environ["GOOGLE_CLOUD_PROJECT"]

    google.auth.default = anonymous
    clients.make_read_client = _make_read_client
    clients.make_write_client = _make_write_client


def _channel() -> Any:
    import grpc

    return grpc.insecure_channel(
        os.environ["TEST_BIGQUERY_STORAGE_HOST"],
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )


def _make_read_client() -> Any:
    from google.cloud import bigquery_storage_v1
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    return bigquery_storage_v1.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=_channel()))


def _make_write_client() -> Any:
    from google.cloud import bigquery_storage_v1
    from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

    return bigquery_storage_v1.BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=_channel()))
