"""What is loaded into a table once a version is published; `tests.pipeline.bigquery` tests the jobs themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from albert_embed.pipeline.bigquery.table_jobs import TableLoadError
from albert_embed.pipeline.commit.plan import Plan
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.table_load import TableLoad
from albert_embed.pipeline.dataset.versions import create_version, list_versions, read_version
from albert_embed.pipeline.publication import load_pending as module
from albert_embed.pipeline.publication.load_pending import load_pending
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts
from albert_embed.transforms.files.literal_files import delete_files
from tests.pipeline.made_manifest import make_manifest

LOADED = TableLoad(
    table="p.d.t", loaded_rows=1, rows=1, clashing_ids=0, inserted=1, updated=0, deleted=0, job_ids=["job"]
)


class FakeTable:
    """Notes what is asked of it.

    Args:
      meanwhile: happens while the rows are staged.

    Attributes:
      done: what has been done, in order.
    """

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._meanwhile = meanwhile
        self.done: list[object] = []

    def locate(self) -> None:
        self.done.append("located")

    def load(self, paths: list[str], tombstones: list[str], *, check: Callable[[], None]) -> TableLoad:
        self.done.append((paths, tombstones))
        self._meanwhile()
        check()
        self.done.append("merged")
        return LOADED

    def drop_staging_tables(self) -> None:
        self.done.append("dropped")


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    tombstones = [DataFile(path=f"dead-{number}", bytes=1, generation=number) for number in (1, 2)]
    made = make_manifest(
        RowCounts(),
        generation=2,
        run="run",
        tombstone_shards=tombstones,
        pending_table="p.d.t",
        options={"vector_index": None},
    )
    create_version(str(tmp_path), made)
    return made


def load(directory: Path, manifest: Manifest) -> None:
    load_pending(str(directory), Plan(manifest=manifest, moves=(), load_files=("rows-2",)))


def test_the_rows_and_the_tombstones_of_the_version_itself_are_loaded_once(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = FakeTable()
    monkeypatch.setattr(module, "_open_table", lambda _: table)
    for _ in range(2):
        load(tmp_path, manifest)
    assert table.done == ["located", ([f"{tmp_path}/rows-2"], [f"{tmp_path}/dead-2"]), "merged", "dropped"]
    assert read_version(str(tmp_path), 2) == dataclasses.replace(manifest, bigquery=LOADED, pending_table=None)


def test_of_two_attempts_at_once_the_late_one_merges_nothing_and_is_content(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = FakeTable()
    first = FakeTable(meanwhile=lambda: load(tmp_path, manifest))
    tables = iter([first, second])
    monkeypatch.setattr(module, "_open_table", lambda _: next(tables))
    load(tmp_path, manifest)
    assert second.done[-2:] == ["merged", "dropped"] and first.done[1:] == second.done[1:2]
    assert read_version(str(tmp_path), 2).bigquery == LOADED


def test_an_attempt_whose_version_has_been_replaced_merges_nothing_and_brings_nothing_back(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a worker that stood still while the next run published, too."""
    table = FakeTable(meanwhile=lambda: delete_files([f"{tmp_path}/_versions/2.json"]))
    monkeypatch.setattr(module, "_open_table", lambda _: table)
    load(tmp_path, manifest)
    assert "merged" not in table.done and list_versions(str(tmp_path)) == []


def test_a_job_that_fails_while_nobody_else_loads_says_what_to_run(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise TableLoadError("the quota is used up")

    monkeypatch.setattr(module, "_open_table", lambda _: FakeTable(meanwhile=fail))
    with pytest.raises(TableLoadError) as error:
        load(tmp_path, manifest)
    assert str(error.value) == (
        f"version 2 of {tmp_path} is published, but its rows are not in the table: the quota is used up. Once the "
        f"cause is gone, run `albert-embed publish {tmp_path}`"
    )
    assert read_version(str(tmp_path), 2) == manifest
