"""`RunScope`: which documents of its input a run embeds, and what is known about the others."""

from __future__ import annotations

import dataclasses
import logging
from typing import Protocol

from albert_embed.pipeline.incremental.find_changes import ChangeCounts
from albert_embed.pipeline.incremental.select_documents import make_select_documents
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.writers.failure_writer import FailureFile
from albert_embed.transforms.map_or_fail import MapOrFail

logger = logging.getLogger(__name__)


class RunScope(Protocol):
    """Which documents of its input a run embeds."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to embed."""

    @property
    def counts(self) -> ChangeCounts:
        """What the comparison with the dataset has found."""

    @property
    def tombstones(self) -> tuple[DataFile, ...]:
        """The files of tombstones that are staged."""

    @property
    def failures(self) -> tuple[FailureFile, ...]:
        """The files of failures that are staged, where there is nothing to embed."""

    def make_select(self) -> MapOrFail | None:
        """Returns the step that selects the documents to embed; None for all."""


class AllDocuments:
    """The scope of a run that embeds its whole input, into a dataset of its own."""

    is_empty = False
    counts = ChangeCounts()
    tombstones: tuple[DataFile, ...] = ()
    failures: tuple[FailureFile, ...] = ()

    def make_select(self) -> None:
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Changes:
    """The scope of an incremental run, as the first reading found it; the lists themselves are staged.

    Attributes:
      counts: how many documents there are of each kind.
      selected_files: paths of the files that say what to embed.
      tombstones: files of tombstones.
      failures: files of the documents that could not be read. Where there is something to embed, they are read again,
        and fail again; else they are the run's failures.
    """

    counts: ChangeCounts
    selected_files: tuple[str, ...]
    tombstones: tuple[DataFile, ...]
    failures: tuple[FailureFile, ...]

    @property
    def is_empty(self) -> bool:
        return not self.selected_files

    def make_select(self) -> MapOrFail:
        return make_select_documents(self.selected_files)
