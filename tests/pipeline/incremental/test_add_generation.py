"""What a run adds to the manifest of an output."""

from __future__ import annotations

import dataclasses
from typing import Any

from albert_embed.pipeline.dataset.generation import Generation
from albert_embed.pipeline.dataset.manifest import Manifest, OutputCounts
from albert_embed.pipeline.incremental.add_generation import add_generation, is_same_dataset
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts
from tests.pipeline import made_manifest


def make_manifest(created: str, counts: RowCounts, failures: int, **changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "created": created,
        "counts": OutputCounts(**dataclasses.asdict(counts), failures=failures),
        "failures_by_reason": {"read: x": failures},
        "shards": [DataFile(path=created, bytes=1)],
        "index_shards": [DataFile(path=f"index {created}", bytes=1)],
        "failure_shards": [DataFile(path=f"failures {created}", bytes=1)],
    }
    return made_manifest.make_manifest(counts, **{**fields, **changes})


MONDAY = make_manifest("monday", RowCounts(documents=9, rows=10, tokens=100, truncated=1), 5)
EMPTY = make_manifest("tuesday", RowCounts(), 7, shards=[], index_shards=[])


def test_a_run_adds_its_rows_and_takes_the_dead_ones_off() -> None:
    added = RowCounts(documents=3, rows=4, tokens=40, truncated=1)
    tuesday = make_manifest("tuesday", added, 2)
    dead = RowCounts(documents=2, rows=3, tokens=31)
    after = add_generation(MONDAY, tuesday, tombstone_shards=[DataFile(path="tombstones", bytes=1)], dead=dead)
    assert after.counts == OutputCounts(documents=9 - 2 + 3, rows=11, tokens=100 - 31 + 40, truncated=2, failures=2)
    assert [file.path for file in after.shards] == ["monday", "tuesday"]
    assert [file.path for file in after.index_shards] == ["index monday", "index tuesday"]
    assert after.tombstone_shards == [DataFile(path="tombstones", bytes=1)]
    assert after.failure_shards == tuesday.failure_shards and after.failures_by_reason == {"read: x": 2}
    assert after.generations == [*MONDAY.generations, Generation(created="tuesday", counts=added, dead=dead)]
    assert (MONDAY.counts.rows, len(MONDAY.shards), len(MONDAY.generations)) == (10, 1, 1)


def test_a_run_that_only_deletes_is_a_generation() -> None:
    dead = RowCounts(documents=1, rows=2, tokens=20, truncated=1)
    deleted = add_generation(MONDAY, EMPTY, tombstone_shards=[DataFile(path="t", bytes=1)], dead=dead)
    assert len(deleted.generations) == 2 and deleted.counts.rows == 8 and not is_same_dataset(MONDAY, deleted)


def test_a_run_that_only_fails_is_no_generation() -> None:
    failed = add_generation(MONDAY, EMPTY, tombstone_shards=[], dead=RowCounts())
    assert failed.generations == MONDAY.generations
    assert failed.counts == dataclasses.replace(MONDAY.counts, failures=7)
    assert not is_same_dataset(MONDAY, failed)


def test_a_run_that_finds_nothing_leaves_the_same_dataset() -> None:
    clean = dataclasses.replace(MONDAY, counts=dataclasses.replace(MONDAY.counts, failures=0))
    nothing = dataclasses.replace(EMPTY, counts=OutputCounts())
    assert is_same_dataset(clean, add_generation(clean, nothing, tombstone_shards=[], dead=RowCounts()))


def test_vectors_of_documents_are_added_and_taken_off() -> None:
    def with_vectors(manifest: Manifest, number: int) -> Manifest:
        counts = dataclasses.replace(manifest.counts, document_rows=number)
        files = [DataFile(path=f"documents {manifest.created}", bytes=1)]
        return dataclasses.replace(manifest, counts=counts, document_shards=files)

    monday, tuesday = (
        with_vectors(MONDAY, 8),
        with_vectors(make_manifest("tuesday", RowCounts(documents=3, rows=3), 0), 3),
    )
    merged = add_generation(monday, tuesday, tombstone_shards=[], dead=RowCounts(documents=2, rows=2), dead_vectors=1)
    assert merged.counts.document_rows == 8 - 1 + 3
    assert [file.path for file in merged.document_shards] == ["documents monday", "documents tuesday"]
    assert add_generation(MONDAY, EMPTY, tombstone_shards=[], dead=RowCounts()).counts.document_rows is None
