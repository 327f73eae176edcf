"""Opens files of a dataset for reading: those of rows, of indexes, of tombstones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.open_bytes import open_bytes

# A RecordBatch is yielded when it has this many bytes in the file, or this many rows.
MAX_BATCH_BYTES = 32 << 20
MAX_BATCH_ROWS = 1024


class DamagedShardError(ValueError):
    """A file of a dataset does not hold what was written."""


def open_shard(path: str) -> Any:
    """Opens the file at `path` for reading bytes.

    Raises:
      FileNotFoundError: if there is none.
    """
    try:
        return open_bytes(path)
    except Exception as e:  # each file system has its own
        if is_remote(path) and not FileSystems.exists(path):
            raise FileNotFoundError(f"no such file: {path}") from e
        raise


@contextlib.contextmanager
def open_parquet(path: str) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet file while the `with` block runs; its pages have checksums, which are compared.

    Raises:
      DamagedShardError: for what Arrow or the file system says of it, in the `with` block too.
      FileNotFoundError: if there is none.
    """
    try:
        with (
            open_shard(path) as file,
            pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False) as parquet,
        ):
            yield parquet
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as e:
        raise DamagedShardError(f"{path}: {e}") from e
