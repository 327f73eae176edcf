"""What is loaded into a table once a version is published; `tests.pipeline.bigquery` tests the jobs themselves."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.commit.plan import Plan
from albert_embed.pipeline.dataset.table_load import TableLoad
from albert_embed.pipeline.dataset.versions import create_version, read_version
from albert_embed.pipeline.publication import load_pending as module
from albert_embed.pipeline.publication.load_pending import load_pending
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts
from tests.pipeline.made_manifest import make_manifest

LOADED = TableLoad(
    table="p.d.t", loaded_rows=1, rows=1, clashing_ids=0, inserted=1, updated=0, deleted=0, job_ids=["job"]
)


def test_the_rows_and_the_tombstones_of_the_version_itself_are_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tombstones = [DataFile(path=f"dead-{number}", bytes=1, generation=number) for number in (1, 2)]
    manifest = make_manifest(RowCounts(), generation=2, run="run", tombstone_shards=tombstones, pending_table="p.d.t")
    create_version(str(tmp_path), manifest)
    loaded: list[tuple[list[str], list[str]]] = []

    def load(_: Any, paths: list[str], dead: list[str]) -> TableLoad:
        loaded.append((paths, dead))
        return LOADED

    monkeypatch.setattr(module, "_load", load)
    plan = Plan(manifest=manifest, moves=(), load_files=("rows-2",))
    for _ in range(2):
        load_pending(str(tmp_path), plan)
    assert loaded == [([f"{tmp_path}/rows-2"], [f"{tmp_path}/dead-2"])]
    assert read_version(str(tmp_path), 2) == dataclasses.replace(manifest, bigquery=LOADED, pending_table=None)
