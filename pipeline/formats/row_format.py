"""`RowFormat`: what a format of rows must do, and what it needs to do to be written only."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol

import pyarrow as pa


class RowWriter(abc.ABC):
    """Writes rows to one file. Whoever opened that file closes it.

    As a context manager it is finished at the end of the `with` block, and abandoned where the block raises.
    """

    @abc.abstractmethod
    def write(self, rows: pa.RecordBatch) -> None:
        """Takes embedded rows in, to be written at once or with later ones.

        Raises:
          ValueError: where they are not rows of the format's schema.
        """

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """About the bytes that the file would have if it were finished now."""

    @abc.abstractmethod
    def finish(self) -> None:
        """Writes all that is left, and the format's own end."""

    @abc.abstractmethod
    def abandon(self) -> None:
        """Forgets what is left: nothing more is written, not even when the object goes."""

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
    """A format that shards are written in; it is pickled and sent to the workers.

    Attributes:
      name: what `--sink` and the manifest call it; also the ending of the files' names.
    """

    @property
    def name(self) -> str: ...

    def open_writer(self, file: Any) -> RowWriter:
        """A writer of rows to `file`, which is open for writing bytes."""


class RowFormat(WritableFormat, Protocol):
    """A format whose rows can also be read again."""

    def read(self, paths: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of files, in batches of the Arrow schema of the format's `RowSchema`.

        Raises:
          DamagedShardError: where a file is not what was written.
          FileNotFoundError: where one is not there.
        """

    def make_dataset(self, paths: Sequence[str]) -> Any:
        """The same rows as a `tf.data.Dataset` of the signature `row_tensors.make_signature`, one element for each.

        Files are opened when the dataset comes to them.
        """
