"""`FailureWriter`: a file of failures, a line of JSON for each."""

from __future__ import annotations

import dataclasses
from collections import Counter
from functools import partial

from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.writers.open_files import explain_failure
from albert_embed.pipeline.writers.staged_file import StagedFile
from albert_embed.pipeline.writers.write_files import WriteFiles
from albert_embed.transforms.steps.failure import TEXT_START_BYTES, Failure

FAILURES_PREFIX = "failures"
_FILE_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class FailureFile:
    """A finished file of failures.

    Attributes:
      file: the file; its path is in the folder of its run.
      counts: "stage: reason" → how many.
    """

    file: DataFile
    counts: dict[str, int]


class FailureWriter:
    """Writes failures to a file. Not thread-safe.

    Args:
      directory: the staging folder of the run.
      text_bytes: how many bytes of a document's text a failure may hold (`Failure.without_text`).

    Raises:
      ShardWriteError: if the file system refuses, here and in every method.
    """

    def __init__(self, directory: str, *, text_bytes: int = TEXT_START_BYTES) -> None:
        self._directory = directory
        self._text_bytes = text_bytes
        self._counts: Counter[str] = Counter()
        self._file = StagedFile(directory, FAILURES_PREFIX, ".jsonl")

    def write(self, failure: Failure) -> None:
        """Writes a failure."""
        self._counts[failure.category] += 1
        with explain_failure(self._directory):
            self._file.content.write(failure.without_text(self._text_bytes).to_json().encode() + b"\n")

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._file.size

    def finish(self) -> FailureFile:
        """Closes the file."""
        return FailureFile(file=self._file.finish(self._counts.total()), counts=dict(self._counts))

    def abandon(self) -> None:
        """Abandons the file."""
        self._file.abandon()


def make_write_failures(directory: str, *, text_bytes: int = TEXT_START_BYTES) -> WriteFiles:
    """Makes the step that writes `Failure`s; its files are `FailureFile`s.

    Args:
      directory: the staging folder of the run.
      text_bytes: how many bytes of a document's text a failure may hold.
    """
    return WriteFiles(partial(FailureWriter, directory, text_bytes=text_bytes), max_bytes=_FILE_BYTES)
