"""Opens shards for reading."""

from __future__ import annotations

from typing import Any

from apache_beam.io.filesystems import FileSystems

from albert_embed.transforms.files.directories import is_remote

# A RecordBatch is yielded when it has this many bytes in the file, or this many rows.
MAX_BATCH_BYTES = 32 << 20
MAX_BATCH_ROWS = 1024


class DamagedShardError(ValueError):
    """A shard does not hold what was written."""


def open_shard(path: str) -> Any:
    """Opens the file at `path` for reading bytes.

    Raises:
      FileNotFoundError: if there is none.
    """
    try:
        return FileSystems.open(path, compression_type="uncompressed")
    except Exception as e:  # each file system has its own
        if is_remote(path) and not FileSystems.exists(path):
            raise FileNotFoundError(f"no such file: {path}") from e
        raise
