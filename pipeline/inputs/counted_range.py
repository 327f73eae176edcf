"""`CountedRange`: counts how much of a range of a file has been read, in bytes as they are stored."""

from __future__ import annotations

from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.transforms.steps import metrics


class CountedRange:
    """Adds what is read of a range to `metrics.INPUT_BYTES`: in the end as many bytes as it has, however it was read.

    Args:
      range_: is read from its start.
    """

    def __init__(self, range_: FileRange) -> None:
        self._range = range_
        self._counted = 0

    def reach(self, position: int) -> None:
        """Counts what stands before a byte of the file. Blocks that were read ahead do not count for more than it."""
        done = min(position - self._range.start, self._range.stored_bytes)
        if done > self._counted:
            metrics.increment(metrics.INPUT_BYTES, done - self._counted)
            self._counted = done

    def finish(self) -> None:
        """Counts the rest."""
        self.reach(self._range.start + self._range.stored_bytes)
