"""A shard opened for reading."""

from __future__ import annotations

from typing import Any

from apache_beam.io.filesystems import FileSystems

# A RecordBatch is given out when it has so many bytes in the file, or so many rows.
MAX_BATCH_BYTES = 32 << 20
MAX_BATCH_ROWS = 1024


class DamagedShardError(ValueError):
    """A shard is not what was written."""


def open_shard(path: str) -> Any:
    """The file at `path` open for reading bytes.

    Raises:
      FileNotFoundError: where there is none.
    """
    if "://" in path and not FileSystems.exists(path):  # each file system would say it in its own way
        raise FileNotFoundError(f"no such file: {path}")
    return FileSystems.open(path, compression_type="uncompressed")
