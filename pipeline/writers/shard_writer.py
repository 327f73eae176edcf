"""`ShardWriter`: writes a shard, under names that mark it as unfinished."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.keys import KEY_BYTES, row_keys
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.shards.shard_index import index_rows, write_index
from albert_embed.pipeline.shards.statistics import Statistics, add_statistics, count_rows
from albert_embed.pipeline.writers.open_files import UNCOMPRESSED, OpenFiles, explain_failure


class ShardWriter:
    """Writes one shard, a file for each format. Not thread-safe.

    The files have a random name below `unfinished/` while they are written. Finishing moves them to their places, the
    index last. A shard's name starts with a hash of its rows, so that shards have the same order in every run, and ends
    with something random: two shards can have the same rows, when a bundle is run again or a corpus repeats itself, and
    neither may replace the other.

    Args:
      directory: where the shard goes, on any file system that Beam knows.
      formats: what to write.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat]) -> None:
        self._directory = directory
        self._attempt = uuid.uuid4().hex
        self._digest = hashlib.blake2b(digest_size=KEY_BYTES)
        self._index: list[pa.RecordBatch] = []
        self._counted = Statistics()
        self._files = OpenFiles(directory, formats, self._attempt)

    def write(self, rows: pa.RecordBatch) -> None:
        """Writes embedded rows, with the internal columns.

        Raises:
          ShardWriteError: if the file system refuses.
        """
        self._digest.update(b"".join(row_keys(rows)))
        self._index.append(index_rows(rows))
        self._counted = add_statistics((self._counted, count_rows(rows)))
        self._files.write(rows)

    @property
    def size(self) -> int:
        """About how many bytes the largest of its files has."""
        return self._files.size

    def finish(self) -> Shard:
        """Writes what is left and moves the files to their places.

        Raises:
          ShardWriteError: if the file system refuses.
        """
        shard = Shard(
            file_bytes=self._files.close(),
            name=f"{self._digest.hexdigest()}-{self._attempt}",
            rows=self._counted.rows,
            documents=self._counted.documents,
            tokens=self._counted.tokens,
            truncated=self._counted.truncated,
        )
        with explain_failure(self._directory):
            unfinished_index = self._files.unfinished("index")
            with FileSystems.create(unfinished_index, compression_type=UNCOMPRESSED) as file:
                write_index(file, self._index, shard)
            self._files.place(shard.data_file)
            FileSystems.rename([unfinished_index], [FileSystems.join(self._directory, shard.index_file)])
        return shard

    def abandon(self) -> None:
        """Abandons the files. What was written is removed with the rest of the staging folder."""
        self._files.abandon()
