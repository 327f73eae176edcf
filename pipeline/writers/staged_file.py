"""`StagedFile`: one file of a run while it is written."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.writers.open_files import CountedFile, explain_failure
from albert_embed.transforms.files.open_bytes import create_bytes


class StagedFile:
    """A file under a name that nobody else gives. Not thread-safe.

    Attributes:
      content: the open file.

    Args:
      directory: the staging folder of the run, on any file system that Beam knows.
      prefix: of the file's name.
      suffix: of the file's name, with its point.

    Raises:
      ShardWriteError: if the file system refuses, here and in every method.
    """

    def __init__(self, directory: str, prefix: str, suffix: str) -> None:
        self._directory = directory
        self._name = f"{prefix}-{uuid.uuid4().hex}{suffix}"
        with explain_failure(directory):
            path = FileSystems.join(directory, self._name)
            self.content = CountedFile(create_bytes(path))

    @property
    def size(self) -> int:
        """How many bytes the file has by now."""
        return self.content.written_bytes

    def finish(self, rows: int) -> DataFile:
        """Closes the file, which has so many rows; its path is in the folder of its run."""
        self.abandon()
        return DataFile(path=f"{PurePosixPath(self._directory).name}/{self._name}", bytes=self.size, rows=rows)

    def abandon(self) -> None:
        """Closes the file. What was written is removed with the rest of the staging folder."""
        with explain_failure(self._directory):
            self.content.close()
