"""`DocumentWriter`: the files of documents' vectors while they are written."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

import pyarrow as pa

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.keys import KEY_BYTES
from albert_embed.pipeline.writers.open_files import OpenFiles
from albert_embed.transforms.columns import ID

DOCUMENTS_PREFIX = "documents"


class DocumentWriter:
    """Writes rows of documents to a file for each format. Not thread-safe.

    Their names start with a hash of their ids, so that they have the same order in every run.

    Args:
      directory: where the files go.
      formats: what to write.

    Raises:
      ShardWriteError: if the file system refuses, here and in every method.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat]) -> None:
        self._attempt = uuid.uuid4().hex
        self._digest = hashlib.blake2b(digest_size=KEY_BYTES)
        self._rows = 0
        self._files = OpenFiles(directory, formats, f"{DOCUMENTS_PREFIX}-{self._attempt}")

    def write(self, rows: pa.RecordBatch) -> None:
        """Writes rows."""
        for name in rows.column(ID).to_pylist():
            self._digest.update(len(name).to_bytes(8, "big") + name)
        self._rows += rows.num_rows
        self._files.write(rows)

    @property
    def size(self) -> int:
        """About how many bytes the largest file has."""
        return self._files.size

    def finish(self) -> list[DataFile]:
        """Writes what is left and moves the files to their places."""
        sizes = self._files.close()
        self._files.place(self._name_file)
        return [
            DataFile(path=self._name_file(name), bytes=size, format=name, rows=self._rows)
            for name, size in sizes.items()
        ]

    def abandon(self) -> None:
        """Abandons the files. What was written is removed with the rest of the staging folder."""
        self._files.abandon()

    def _name_file(self, format_name: str) -> str:
        return f"{DOCUMENTS_PREFIX}-{self._digest.hexdigest()}-{self._attempt}.{format_name}"
