"""What a run adds to the manifest of an output."""

from __future__ import annotations

from typing import Any

from albert_embed.pipeline.dataset.generations import add_generation, describe_generation
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.shards.data_file import DataFile

NOTHING = dict.fromkeys(("documents", "rows", "tokens", "truncated"), 0)


def make_manifest(created: str, rows: int, failures: int, **changes: Any) -> Manifest:
    counts = {"documents": rows - 1, "rows": rows, "tokens": 10 * rows, "truncated": 1, "failures": failures}
    fields: dict[str, Any] = {name: {} for name in ("model", "transform", "options", "measured", "versions")}
    fields |= {
        "shards": [DataFile(path=created, bytes=1)],
        "index_shards": [DataFile(path=f"index {created}", bytes=1)],
    }
    fields |= {
        "failure_shards": [DataFile(path=f"failures {created}", bytes=1)],
        "failures_by_reason": {"read: x": failures},
    }
    fields |= {"embeddings": [], "hidden_size": 3, "encoding": "float_list"}
    fields |= {"generations": [describe_generation(created, counts)], "counts": counts}
    return Manifest(created=created, **{**fields, **changes})


def test_a_run_adds_its_rows_and_takes_the_dead_ones_off() -> None:
    first, second = make_manifest("monday", 10, 5), make_manifest("tuesday", 4, 2)
    dead = {"documents": 2, "rows": 3, "tokens": 31, "truncated": 0}
    after = add_generation(first, second, tombstone_shards=[DataFile(path="tombstones", bytes=1)], dead=dead)
    assert after.counts == {"documents": 9 - 2 + 3, "rows": 11, "tokens": 100 - 31 + 40, "truncated": 2, "failures": 2}
    assert [file.path for file in after.shards] == ["monday", "tuesday"]
    assert [file.path for file in after.index_shards] == ["index monday", "index tuesday"]
    assert after.tombstone_shards == [DataFile(path="tombstones", bytes=1)]
    assert after.failure_shards == second.failure_shards and after.failures_by_reason == {"read: x": 2}
    assert after.generations == [
        {"created": "monday", "counts": {"documents": 9, "rows": 10, "tokens": 100, "truncated": 1}, "dead": NOTHING},
        {"created": "tuesday", "counts": {"documents": 3, "rows": 4, "tokens": 40, "truncated": 1}, "dead": dead},
    ]
    assert (first.counts["rows"], len(first.shards), len(first.generations)) == (10, 1, 1)


def test_a_run_that_only_deletes_is_a_generation_and_one_that_only_fails_is_none() -> None:
    first = make_manifest("monday", 10, 5)
    empty = make_manifest("tuesday", 1, 7, shards=[], index_shards=[], counts={**NOTHING, "failures": 7})
    dead = {"documents": 1, "rows": 2, "tokens": 20, "truncated": 1}
    deleted = add_generation(first, empty, tombstone_shards=[DataFile(path="s", bytes=1)], dead=dead)
    assert len(deleted.generations) == 2 and deleted.counts["rows"] == 8
    failed = add_generation(first, empty, tombstone_shards=[], dead=NOTHING)
    assert failed.generations == first.generations and failed.counts == {**first.counts, "failures": 7}
