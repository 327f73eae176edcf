"""`RunScope`: which documents of its input a run embeds, and what becomes of those that the dataset holds."""

from __future__ import annotations

import dataclasses
import logging
from typing import Protocol

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.incremental.add_generation import add_generation, is_same_dataset
from albert_embed.pipeline.incremental.find_changes import ChangeCounts
from albert_embed.pipeline.incremental.select_documents import make_select_documents
from albert_embed.pipeline.settings.deletion_limit import check_deletions
from albert_embed.pipeline.settings.share_limit import ShareLimit
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.transforms import metrics
from albert_embed.transforms.map_or_fail import MapOrFail

logger = logging.getLogger(__name__)

TOMBSTONE_PREFIX = "tombstones"


class RunScope(Protocol):
    """Which documents of its input a run embeds, and what becomes of those that the dataset holds."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to embed."""

    @property
    def unchanged(self) -> int:
        """How many documents of the input are already in the dataset."""

    @property
    def failures(self) -> dict[str, int]:
        """ "stage: reason" → how many documents failed, where there is nothing to embed."""

    def make_select(self) -> MapOrFail | None:
        """Returns the step that selects the documents to embed; None for all."""

    def warn_of_missing(self, counters: dict[str, int]) -> None:
        """Logs how many documents were selected and not found again."""

    def add_to_dataset(self, run: Manifest) -> Manifest:
        """Returns the manifest of the dataset after the run, from that of the run alone."""

    def is_unchanged(self, manifest: Manifest) -> bool:
        """Returns whether the dataset of `add_to_dataset` is the same as the published one."""

    def check_deletions(self, limit: ShareLimit) -> None:
        """Raises TooManyDeletionsError if the run would delete more documents than `limit` allows."""

    def list_tombstones(self) -> list[str]:
        """Returns the paths of the staged tombstones."""


class AllDocuments:
    """The scope of a run that embeds its whole input, into a dataset of its own."""

    is_empty = False
    unchanged = 0

    @property
    def failures(self) -> dict[str, int]:
        return {}

    def make_select(self) -> None:
        return None

    def warn_of_missing(self, counters: dict[str, int]) -> None:
        """Does nothing: nothing was selected, so nothing is missing."""

    def add_to_dataset(self, run: Manifest) -> Manifest:
        return run

    def is_unchanged(self, manifest: Manifest) -> bool:
        return False

    def check_deletions(self, limit: ShareLimit) -> None:
        """Does nothing: nothing is deleted."""

    def list_tombstones(self) -> list[str]:
        return []


@dataclasses.dataclass(frozen=True, kw_only=True)
class Changes:
    """The scope of an incremental run, as the first reading found it; the lists themselves are staged.

    Attributes:
      previous: the manifest of the dataset; None where there is none yet.
      output: where the lists are staged.
      counts: how many documents there are of each kind.
      selected_files: paths of the files that say what to embed.
      failures: "stage: reason" → how many documents could not be read. Where there is something to embed, they are read
        again, and fail again; else they are the run's failures, and are staged.
      seconds: how long the comparison took.
    """

    previous: Manifest | None
    output: OutputDirectory
    counts: ChangeCounts
    selected_files: list[str]
    failures: dict[str, int]
    seconds: float

    @property
    def is_empty(self) -> bool:
        return not self.selected_files

    @property
    def unchanged(self) -> int:
        return self.counts.documents.unchanged

    def make_select(self) -> MapOrFail:
        return make_select_documents(self.selected_files)

    def warn_of_missing(self, counters: dict[str, int]) -> None:
        found = self.counts.documents
        missing = found.new + found.changed + found.not_unique - counters.get(metrics.SELECTED_DOCUMENTS, 0)
        if missing > 0:
            logger.warning("%d documents changed while the run read them; the next run will embed them", missing)

    def add_to_dataset(self, run: Manifest) -> Manifest:
        measured = dataclasses.replace(run.measured, comparison_seconds=round(self.seconds, 3))
        run = dataclasses.replace(run, changes=self.counts.documents, measured=measured)
        if self.previous is None:
            return run
        return add_generation(self.previous, run, tombstone_shards=self._staged_tombstones(), dead=self.counts.dead)

    def is_unchanged(self, manifest: Manifest) -> bool:
        return self.previous is not None and is_same_dataset(self.previous, manifest)

    def check_deletions(self, limit: ShareLimit) -> None:
        if self.previous is not None:
            documents = self.previous.counts.documents
            check_deletions(limit, deleted=self.counts.documents.deleted, documents=documents)

    def list_tombstones(self) -> list[str]:
        return [FileSystems.join(self.output.staging, file.path) for file in self._staged_tombstones()]

    def _staged_tombstones(self) -> list[DataFile]:
        return self.output.staged_files(TOMBSTONE_PREFIX) if self.counts.tombstones else []
