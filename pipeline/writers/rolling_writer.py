"""`RollingWriter`: writes elements to one file after the other, each finished when it is large or old enough."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

Finished = TypeVar("Finished")
Finished_co = TypeVar("Finished_co", covariant=True)


class FileWriter(Protocol[Finished_co]):
    """Writes elements to files that are finished together, such as a `ShardWriter`."""

    def write(self, element: Any) -> None:
        """Writes an element, such as a RecordBatch."""

    @property
    def size(self) -> int:
        """About how many bytes the largest file has."""

    def finish(self) -> Finished_co:
        """Writes what is left, closes the files, and returns what is known about them."""

    def abandon(self) -> None:
        """Abandons the files."""


class RollingWriter(Generic[Finished]):
    """Opens a writer when elements come, and finishes it when it is large or old enough. Not thread-safe.

    As a context manager it abandons what is not finished at the end of the `with` block.

    Args:
      open_writer: opens the next writer.
      max_bytes: a writer is finished when it has this size.
      max_seconds: a writer is finished when an element comes and it is this old.
    """

    def __init__(
        self, open_writer: Callable[[], FileWriter[Finished]], *, max_bytes: int, max_seconds: float = math.inf
    ) -> None:
        self._open_writer = open_writer
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._writer: FileWriter[Finished] | None = None
        self._opened = 0.0

    def write(self, element: Any) -> list[Finished]:
        """Writes an element, and returns what is finished with them: one result or none."""
        if self._writer is None:
            self._writer = self._open_writer()
            self._opened = time.monotonic()
        self._writer.write(element)
        if self._writer.size >= self._max_bytes or time.monotonic() - self._opened >= self._max_seconds:
            return self.finish()
        return []

    def finish(self) -> list[Finished]:
        """Finishes the open writer, and returns its result: one, or none if no writer is open."""
        if self._writer is None:
            return []
        finished = self._writer.finish()
        self._writer = None
        return [finished]

    def abandon(self) -> None:
        """Abandons the open writer, if there is one."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None

    def __enter__(self) -> RollingWriter[Finished]:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()
