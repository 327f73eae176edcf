"""`ShardFormat`: what a file format must do to be a sink."""

from __future__ import annotations

from typing import Any, Protocol

import pyarrow as pa


class ShardFile(Protocol):
    """One file of a format, being written. Whoever opened the file below it closes that."""

    def write(self, rows: pa.RecordBatch) -> None:
        """Takes embedded rows in, to be written at once or with later ones."""

    @property
    def size(self) -> int:
        """About the bytes that the file would have if it were finished now."""

    def finish(self) -> None:
        """Writes all that is left, and the format's own end."""

    def abandon(self) -> None:
        """Forgets what is left: nothing more is written, not even when the object goes."""


class ShardFormat(Protocol):
    """A format of shards; it is pickled and sent to the workers.

    Attributes:
      name: what `--sink` and the manifest call it; also the ending of the files' names.
    """

    @property
    def name(self) -> str: ...

    def begin(self, file: Any) -> ShardFile:
        """A shard in `file`, which is open for writing bytes."""
