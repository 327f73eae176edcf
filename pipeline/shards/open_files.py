"""`OpenFiles`: files that are being written, one for each format, under names that nobody takes for finished ones."""

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
      attempt: what the files are called below `unfinished/` until they are put in their places; nothing else's name.

    Raises:
      ShardWriteError: where the file system refuses, here and in every method.
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
        """Takes rows in."""
        with explain_failure(self._directory):
            for file in self._files.values():
                file.write(rows)

    @property
    def size(self) -> int:
        """About the bytes of the largest file."""
        return max(file.size for file in self._files.values())

    def close(self) -> dict[str, int]:
        """Writes what is left; format → bytes of its file."""
        with explain_failure(self._directory):
            sizes = {}
            for name, file in self._files.items():
                file.finish()
                self._handles[name].close()
                path = self.unfinished(name)
                sizes[name] = FileSystems.get_filesystem(path).size(path)
            return sizes

    def place(self, name_file: Callable[[str], str]) -> None:
        """Puts the files, which are closed, in their places: `name_file` gives the name of a format's."""
        with explain_failure(self._directory):
            for name in self._files:
                target = FileSystems.join(self._directory, name_file(name))
                FileSystems.rename([self.unfinished(name)], [target])

    def abandon(self) -> None:
        """Lets go of the files. What was written of them goes with the rest of the staging folder."""
        for name, handle in self._handles.items():
            if name in self._files:
                self._files[name].abandon()
            with contextlib.suppress(OSError):  # what could not be written still can't
                handle.close()

    def unfinished(self, ending: str) -> str:
        """Where a file lies until it is put in its place."""
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
