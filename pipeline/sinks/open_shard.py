"""`OpenShard`: a shard that is being written, under names that nobody takes for finished ones."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from pipeline.sinks.row_keys import KEY_BYTES, row_keys
from pipeline.sinks.shard import Shard
from pipeline.sinks.shard_format import ShardFile, ShardFormat
from pipeline.sinks.shard_index import index_rows, write_index
from pipeline.statistics import Statistics, add_statistics, count_rows

UNFINISHED = "unfinished"
_UNCOMPRESSED = "uncompressed"


class ShardWriteError(RuntimeError):
    """A shard can't be written."""


class OpenShard:
    """One shard, a file for each format. Not thread-safe.

    The files have a random name below `unfinished/` while they are written. Finishing puts them in their places, the
    index last. A shard's name starts with a hash of its rows, so that shards have the same order in every run, and ends
    with something random: two shards can have the same rows, when a bundle is run again or a corpus repeats itself, and
    neither may take the other's place.

    Args:
      directory: where the shard goes, on any file system that Beam knows.
      formats: what to write.
    """

    def __init__(self, directory: str, formats: Sequence[ShardFormat]) -> None:
        self._directory = directory
        self._attempt = uuid.uuid4().hex
        self._digest = hashlib.blake2b(digest_size=KEY_BYTES)
        self._index: list[pa.RecordBatch] = []
        self._counted = Statistics()
        self._handles: dict[str, Any] = {}
        self._files: dict[str, ShardFile] = {}
        for format_ in formats:
            with explain_failure(directory):
                handle = FileSystems.create(self._unfinished(format_.name), compression_type=_UNCOMPRESSED)
            self._handles[format_.name] = handle
            self._files[format_.name] = format_.begin(handle)

    def write(self, rows: pa.RecordBatch) -> None:
        """Takes embedded rows in, with the columns for the pipeline's own use.

        Raises:
          ShardWriteError: where the file system refuses.
        """
        self._digest.update(b"".join(row_keys(rows)))
        self._index.append(index_rows(rows))
        self._counted = add_statistics((self._counted, count_rows(rows)))
        with explain_failure(self._directory):
            for file in self._files.values():
                file.write(rows)

    @property
    def size(self) -> int:
        """About the bytes of the largest of its files."""
        return max(file.size for file in self._files.values())

    def finish(self) -> Shard:
        """Writes what is left and puts the files in their places.

        Raises:
          ShardWriteError: where the file system refuses.
        """
        with explain_failure(self._directory):
            for name, file in self._files.items():
                file.finish()
                self._handles[name].close()
            sizes = {name: FileSystems.get_filesystem(path).size(path) for name, path in self._paths().items()}
            shard = Shard(
                name=f"{self._digest.hexdigest()}-{self._attempt}",
                file_bytes=sizes,
                rows=self._counted.rows,
                documents=self._counted.documents,
                tokens=self._counted.tokens,
                truncated=self._counted.truncated,
            )
            unfinished_index = self._unfinished("index")
            with FileSystems.create(unfinished_index, compression_type=_UNCOMPRESSED) as file:
                write_index(file, self._index, shard)
            for name, path in self._paths().items():
                FileSystems.rename([path], [FileSystems.join(self._directory, shard.data_file(name))])
            FileSystems.rename([unfinished_index], [FileSystems.join(self._directory, shard.index_file)])
        return shard

    def abandon(self) -> None:
        """Lets go of the files. What was written of them goes with the rest of the staging folder."""
        for name, handle in self._handles.items():
            if name in self._files:
                self._files[name].abandon()
            with contextlib.suppress(OSError):  # what could not be written still can't
                handle.close()

    def _paths(self) -> dict[str, str]:
        return {name: self._unfinished(name) for name in self._files}

    def _unfinished(self, ending: str) -> str:
        return FileSystems.join(self._directory, UNFINISHED, f"{self._attempt}.{ending}")


@contextlib.contextmanager
def explain_failure(directory: str) -> Iterator[None]:
    """Raises ShardWriteError for what a file system refuses in the `with` block."""
    try:
        yield
    except OSError as e:  # Beam's BeamIOError is one
        raise ShardWriteError(
            f"can't write to {directory}: {e.strerror or e}; nothing was published, and an earlier output is "
            "as it was. Make room there, or whatever it says, and run the same command again"
        ) from e
