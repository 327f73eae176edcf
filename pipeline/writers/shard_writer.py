"""`ShardWriter`: writes a shard: its data files, then its index."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.keys import KEY_BYTES, row_keys
from albert_embed.pipeline.shards.row_counts import RowCounts, count_rows
from albert_embed.pipeline.shards.shard import Shard, name_data_file
from albert_embed.pipeline.shards.shard_index import index_rows, write_index
from albert_embed.pipeline.writers.open_files import OpenFiles, explain_failure
from albert_embed.transforms.files.directories import write_file_atomically


class ShardWriter:
    """Writes one shard, a file for each format. Not thread-safe.

    The index is written last, so it says that the shard is complete. A shard's name is random: two shards can have the
    same rows, when a bundle is run again or a corpus repeats itself, and neither may replace the other. Its digest is a
    hash of its rows, so that shards have the same order in every run.

    Args:
      directory: the staging folder of the run, on any file system that Beam knows.
      formats: what to write.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat]) -> None:
        self._directory = directory
        self._name = uuid.uuid4().hex
        self._digest = hashlib.blake2b(digest_size=KEY_BYTES)
        self._index: list[pa.RecordBatch] = []
        self._counted = RowCounts()
        self._files = OpenFiles(directory, formats, partial(name_data_file, self._name))

    def write(self, rows: pa.RecordBatch) -> None:
        """Writes embedded rows, with the internal columns.

        Raises:
          ShardWriteError: if the file system refuses.
        """
        self._digest.update(b"".join(row_keys(rows)))
        self._index.append(index_rows(rows))
        self._counted += count_rows(rows)
        self._files.write(rows)

    @property
    def size(self) -> int:
        """About how many bytes the largest of its files has."""
        return self._files.size

    def finish(self) -> Shard:
        """Writes what is left, and the index.

        Raises:
          ShardWriteError: if the file system refuses.
        """
        shard = Shard(
            name=self._name,
            run=PurePosixPath(self._directory).name,
            digest=self._digest.hexdigest(),
            file_bytes=self._files.close(),
            rows=self._counted.rows,
            documents=self._counted.documents,
            tokens=self._counted.tokens,
            truncated=self._counted.truncated,
        )
        content = io.BytesIO()
        write_index(content, self._index, shard)
        with explain_failure(self._directory):
            write_file_atomically(FileSystems.join(self._directory, shard.index_file), content.getvalue())
        return dataclasses.replace(shard, index_bytes=len(content.getvalue()))

    def abandon(self) -> None:
        """Abandons the files. What was written is removed with the rest of the staging folder."""
        self._files.abandon()
