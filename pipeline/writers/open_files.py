"""`OpenFiles`: files that are being written, one for each format, under names that mark them as unfinished."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.formats.row_format import RowWriter, WritableFormat

UNFINISHED = "unfinished"
UNCOMPRESSED = "uncompressed"


class ShardWriteError(RuntimeError):
    """A shard can't be written."""


class OpenFiles:
    """The same rows in a file for each format. Not thread-safe.

    Args:
      directory: where the files will go, on any file system that Beam knows.
      formats: what to write; at least one.
      attempt: the unique name of the files below `unfinished/`, until they are moved to their places.

    Raises:
      ShardWriteError: if the file system refuses, here and in every method.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat], attempt: str) -> None:
        self._directory = directory
        self._attempt = attempt
        self._handles: dict[str, Any] = {}
        self._files: dict[str, RowWriter] = {}
        for format_ in formats:
            with explain_failure(directory):
                handle = FileSystems.create(self.unfinished(format_.name), compression_type=UNCOMPRESSED)
                self._handles[format_.name] = handle
                self._files[format_.name] = format_.open_writer(handle)

    def write(self, rows: pa.RecordBatch) -> None:
        """Writes rows."""
        with explain_failure(self._directory):
            for file in self._files.values():
                file.write(rows)

    @property
    def size(self) -> int:
        """About how many bytes the largest file has."""
        return max(file.size for file in self._files.values())

    def close(self) -> dict[str, int]:
        """Writes what is left, and returns format → bytes of its file."""
        with explain_failure(self._directory):
            sizes = {}
            for name, file in self._files.items():
                file.finish()
                self._handles[name].close()
                path = self.unfinished(name)
                sizes[name] = FileSystems.get_filesystem(path).size(path)
            return sizes

    def place(self, name_file: Callable[[str], str]) -> None:
        """Moves the closed files to their places; `name_file` gives the file name for a format."""
        with explain_failure(self._directory):
            for name in self._files:
                target = FileSystems.join(self._directory, name_file(name))
                FileSystems.rename([self.unfinished(name)], [target])

    def abandon(self) -> None:
        """Abandons the files. What was written is removed with the rest of the staging folder."""
        for name, handle in self._handles.items():
            if name in self._files:
                self._files[name].abandon()
            with contextlib.suppress(OSError):  # what could not be written still can't
                handle.close()

    def unfinished(self, ending: str) -> str:
        """Returns the path of a file until it is moved to its place."""
        return FileSystems.join(self._directory, UNFINISHED, f"{self._attempt}.{ending}")


@contextlib.contextmanager
def explain_failure(directory: str) -> Iterator[None]:
    """Raises ShardWriteError if the file system refuses something in the `with` block."""
    try:
        yield
    except OSError as e:  # Beam's BeamIOError is one
        raise ShardWriteError(
            f"can't write to {directory}: {e.strerror or e}; nothing was published, and an earlier output is "
            "as it was. Make room there, or remove the cause, and run the same command again"
        ) from e
