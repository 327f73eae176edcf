"""`add_generation`: a dataset after a run has added to it."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.dataset.generation import Generation
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts


def add_generation(
    previous: Manifest, run: Manifest, *, tombstone_shards: list[DataFile], dead: RowCounts, dead_vectors: int = 0
) -> Manifest:
    """Returns the manifest of a dataset after a run has added to it.

    Args:
      previous: of the dataset before.
      run: of the run alone.
      tombstone_shards: the staged files of tombstones.
      dead: counts of the rows that the tombstones remove.
      dead_vectors: how many documents with a vector of their own they remove, where the dataset has such.

    Returns:
      The files of both, the failures of the run, the counts of all live rows, the index that was there. A run that
      neither adds nor removes rows is not a generation.
    """
    added = run.counts.row_counts
    adds = [Generation(created=run.created, counts=added, dead=dead)] if added or tombstone_shards else []
    live = previous.counts.row_counts - dead + added
    vectors = run.counts.document_rows
    if vectors is not None:
        vectors += (previous.counts.document_rows or 0) - dead_vectors
    return dataclasses.replace(
        run,
        counts=dataclasses.replace(run.counts, **dataclasses.asdict(live), document_rows=vectors),
        shards=[*previous.shards, *run.shards],
        index_shards=[*previous.index_shards, *run.index_shards],
        document_shards=[*previous.document_shards, *run.document_shards],
        tombstone_shards=[*previous.tombstone_shards, *tombstone_shards],
        generations=[*previous.generations, *adds],
        search_index=previous.search_index,
        search_index_files=previous.search_index_files,
    )


def is_same_dataset(previous: Manifest, manifest: Manifest) -> bool:
    """Returns whether a dataset would be the same with the run of `manifest` as without it.

    It would if no rows are new, none are dead, and neither of the last two runs has failures.
    """
    return manifest.generations == previous.generations and not (manifest.counts.failures or previous.counts.failures)
