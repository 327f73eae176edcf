"""`StagedRun`: everything that a run has staged, gathered from what its steps give."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any

from albert_embed.pipeline.incremental.find_changes import ChangeCounts
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts, count_shard
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.writers.document_writer import DocumentFile
from albert_embed.pipeline.writers.failure_writer import FailureFile
from albert_embed.transforms.steps.metrics import BundleCounts, add_counts


@dataclasses.dataclass(frozen=True, kw_only=True)
class TombstoneFile:
    """A finished file of tombstones.

    Attributes:
      file: the file; its path is in the folder of its run.
    """

    file: DataFile


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunClock:
    """When a run began to work.

    Attributes:
      began: seconds since 1970.
    """

    began: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class StagedRun:
    """What a run has staged.

    Attributes:
      shards: finished, by this run or by one that was cut off.
      documents: files of documents' vectors.
      failures: files of failures.
      tombstones: files of tombstones.
      changes: what the comparison with the dataset has found; all zero for a run that compares nothing.
      counted: by the steps (`transforms.steps.metrics`).
      began: when the first worker began, seconds since 1970.
    """

    shards: tuple[Shard, ...]
    documents: tuple[DocumentFile, ...]
    failures: tuple[FailureFile, ...]
    tombstones: tuple[TombstoneFile, ...]
    changes: ChangeCounts
    counted: BundleCounts
    began: float

    @property
    def rows(self) -> RowCounts:
        """Counts over the rows of all shards."""
        return sum(map(count_shard, self.shards), RowCounts())

    @property
    def failure_counts(self) -> dict[str, int]:
        """ "stage: reason" → how many failures, by name."""
        total: Counter[str] = Counter()
        for written in self.failures:
            total.update(written.counts)
        return dict(sorted(total.items()))


def gather_staged(parts: Iterable[Any]) -> StagedRun:
    """Gathers what the steps of a run give: Shards, files, ChangeCounts, BundleCounts and RunClocks, in any order.

    Raises:
      TypeError: if there is anything else among them.
    """
    found: dict[type, list[Any]] = {
        Shard: [],
        DocumentFile: [],
        FailureFile: [],
        TombstoneFile: [],
        ChangeCounts: [],
        BundleCounts: [],
        RunClock: [],
    }
    for part in parts:
        if type(part) not in found:
            raise TypeError(f"a run stages no {type(part).__name__}: {part!r}")
        found[type(part)].append(part)
    return StagedRun(
        shards=tuple(found[Shard]),
        documents=tuple(found[DocumentFile]),
        failures=tuple(sorted(found[FailureFile], key=lambda written: written.file.path)),
        tombstones=tuple(sorted(found[TombstoneFile], key=lambda written: written.file.path)),
        changes=sum(found[ChangeCounts], ChangeCounts()),
        counted=add_counts(found[BundleCounts]),
        began=min(clock.began for clock in found[RunClock]),
    )
