"""`RowFormat`: what a format of rows must do; `WritableFormat`: the part of it that writing needs."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol

import pyarrow as pa


class RowWriter(abc.ABC):
    """Writes rows to one file. Whoever opened that file closes it.

    As a context manager it finishes at the end of the `with` block, and abandons the file where the block raises.
    """

    @abc.abstractmethod
    def write(self, rows: pa.RecordBatch) -> None:
        """Takes embedded rows, which are written at once or with later ones.

        Raises:
          ValueError: if they are not rows of the format's schema.
        """

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """About how many bytes the file would have if it were finished now."""

    @abc.abstractmethod
    def finish(self) -> None:
        """Writes everything that is left, and the end of the format."""

    @abc.abstractmethod
    def abandon(self) -> None:
        """Drops what is left: nothing more is written, not even when the object is deleted."""

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if type_ is None:
            self.finish()
        else:
            self.abandon()


class WritableFormat(Protocol):
    """A format in which shards are written; it is pickled and sent to the workers.

    Attributes:
      name: its name in `--sink` and in the manifest; also the ending of the files' names.
    """

    @property
    def name(self) -> str: ...

    def open_writer(self, file: Any) -> RowWriter:
        """Returns a writer of rows to `file`, which is open for writing bytes."""


class RowFormat(WritableFormat, Protocol):
    """A format whose rows can also be read again."""

    def read(self, paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Returns the rows of files, in batches of the Arrow schema of the format's `RowSchema`.

        Raises:
          DamagedShardError: if a file is not what was written.
          FileNotFoundError: if one is not there.
        """

    def take(self, path: str, places: Sequence[int], columns: Sequence[str]) -> pa.RecordBatch:
        """Returns some rows of a file.

        Args:
          path: of the file.
          places: of the rows, from 0; at least one, each once, from first to last.
          columns: that are wanted, in the order of the schema; no vectors.

        Raises:
          DamagedShardError: if the file is not what was written, or has no such row.
          FileNotFoundError: if it is not there.
        """

    def make_dataset(self, paths: Sequence[str]) -> Any:
        """Returns the same rows as a `tf.data.Dataset` of the signature `row_tensors.make_signature`.

        Files are opened when the dataset comes to them.
        """
