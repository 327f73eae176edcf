"""Generations: what each run has added to an output, and what all of them come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.shards.data_file import DataFile

_COUNTED = ("documents", "rows", "tokens", "truncated")


def describe_generation(
    created: str, counts: Mapping[str, int], dead: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """A generation as the manifest has it; it gets its number when it is published.

    Args:
      created: when.
      counts: of the rows that it adds, and maybe more.
      dead: of the rows of earlier ones that it supersedes; None for none.
    """
    return {
        "created": created,
        "counts": {name: counts[name] for name in _COUNTED},
        "dead": {name: dead[name] if dead is not None else 0 for name in _COUNTED},
    }


def add_generation(
    previous: Manifest, run: Manifest, *, tombstone_shards: list[DataFile], dead: Mapping[str, int]
) -> Manifest:
    """The manifest of an output after a run has added to it.

    Args:
      previous: of the output before.
      run: of the run alone.
      tombstone_shards: the staged lists of ids whose earlier rows are dead.
      dead: what these rows come to.

    Returns:
      The files of both, the failures of the run, the counts of all rows that live. A run that neither adds nor
      supersedes rows is no generation.
    """
    entry = describe_generation(run.created, run.counts, dead)
    adds = any(entry["counts"].values()) or bool(tombstone_shards)
    counts = {name: previous.counts[name] - dead[name] + run.counts[name] for name in _COUNTED}
    return dataclasses.replace(
        run,
        counts={**run.counts, **counts},
        shards=[*previous.shards, *run.shards],
        index_shards=[*previous.index_shards, *run.index_shards],
        tombstone_shards=[*previous.tombstone_shards, *tombstone_shards],
        generations=[*previous.generations, *([entry] if adds else [])],
    )


def is_same_output(previous: Manifest, manifest: Manifest) -> bool:
    """Whether an output to which `manifest` has added would hold what it held before: no new rows, none dead, and
    neither of the last two runs has failures."""
    return manifest.generations == previous.generations and not (
        manifest.counts["failures"] or previous.counts["failures"]
    )
