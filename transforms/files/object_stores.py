"""Beam's own clients of object stores, for what `FileSystems` can't do: batches and conditions."""

from __future__ import annotations

from typing import Any


def open_google_storage() -> Any:
    """Returns Beam's client of Google Cloud Storage, with the options that Beam was given."""
    from apache_beam.io.filesystems import FileSystems

    filesystem: Any = FileSystems.get_filesystem("gs://any/file")
    return filesystem._gcsIO()


def open_s3() -> Any:
    """Returns Beam's client of S3, with the options that Beam was given."""
    from apache_beam.io.aws.s3io import S3IO
    from apache_beam.io.filesystems import FileSystems

    filesystem: Any = FileSystems.get_filesystem("s3://any/file")
    return S3IO(options=filesystem._options)
