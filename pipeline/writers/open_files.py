"""`OpenFiles`: files that are being written, one for each format."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.formats.row_format import RowWriter, WritableFormat
from albert_embed.transforms.files.open_bytes import create_bytes


class ShardWriteError(RuntimeError):
    """A shard can't be written."""


class OpenFiles:
    """The same rows in a file for each format, under names that nobody else gives. Not thread-safe.

    A file that is there may be half written: what says that it is whole is written after it.

    Args:
      directory: where the files are, on any file system that Beam knows.
      formats: what to write; at least one.
      name_file: gives the file name for a format's name.

    Raises:
      ShardWriteError: if the file system refuses, here and in every method.
    """

    def __init__(self, directory: str, formats: Sequence[WritableFormat], name_file: Callable[[str], str]) -> None:
        self._directory = directory
        self._handles: dict[str, CountedFile] = {}
        self._files: dict[str, RowWriter] = {}
        for format_ in formats:
            with explain_failure(directory):
                path = FileSystems.join(directory, name_file(format_.name))
                self._handles[format_.name] = CountedFile(create_bytes(path))
                self._files[format_.name] = format_.open_writer(self._handles[format_.name])

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
            for name, file in self._files.items():
                file.finish()
                self._handles[name].close()
            return {name: handle.written_bytes for name, handle in self._handles.items()}

    def abandon(self) -> None:
        """Abandons the files. What was written is removed with the rest of the staging folder."""
        for name, handle in self._handles.items():
            if name in self._files:
                self._files[name].abandon()
            with contextlib.suppress(OSError):  # what could not be written still can't
                handle.close()


class CountedFile:
    """An open file that counts what is written to it: asking a bucket for the size costs a request.

    Attributes:
      written_bytes: so many.
    """

    def __init__(self, file: Any) -> None:
        """Writes to `file`, which is open."""
        self._file = file
        self.written_bytes = 0

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return bool(self._file.closed)

    def write(self, content: Any) -> int:
        """Writes bytes, and returns how many."""
        self._file.write(content)
        self.written_bytes += len(content)
        return len(content)

    def tell(self) -> int:
        """Returns how many bytes were written."""
        return self.written_bytes

    def flush(self) -> None:
        """Flushes the file."""
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


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
