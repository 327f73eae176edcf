"""`DocumentWriter`: the files of documents' vectors while they are written."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Sequence
from pathlib import PurePosixPath

import pyarrow as pa

from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.keys import KEY_BYTES
from albert_embed.pipeline.writers.open_files import OpenFiles
from albert_embed.transforms.rows.columns import ID

DOCUMENTS_PREFIX = "documents"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentFile:
    """A finished file of documents' vectors.

    Attributes:
      digest: a hash of its documents' ids, by which files are sorted: the same in every run.
      file: the file; its path is in the folder of its run.
    """

    digest: str
    file: DataFile


class DocumentWriter:
    """Writes rows of documents to a file for each format. Not thread-safe.

    Args:
      directory: the staging folder of the run.
      formats: what to write.

    Raises:
      ShardWriteError: if the file system refuses, here and in every method.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat]) -> None:
        self._attempt = uuid.uuid4().hex
        self._digest = hashlib.blake2b(digest_size=KEY_BYTES)
        self._rows = 0
        self._run = PurePosixPath(directory).name
        self._files = OpenFiles(directory, formats, self._name_file)

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

    def finish(self) -> list[DocumentFile]:
        """Writes what is left."""
        return [
            DocumentFile(
                digest=self._digest.hexdigest(),
                file=DataFile(path=f"{self._run}/{self._name_file(name)}", bytes=size, format=name, rows=self._rows),
            )
            for name, size in self._files.close().items()
        ]

    def abandon(self) -> None:
        """Abandons the files. What was written is removed with the rest of the staging folder."""
        self._files.abandon()

    def _name_file(self, format_name: str) -> str:
        return f"{DOCUMENTS_PREFIX}-{self._attempt}.{format_name}"
