"""`Transaction`: what is refused, what is cleared, which version counts, and which files stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.commit import publish
from albert_embed.pipeline.commit.plan import Plan, make_plan, write_plan
from albert_embed.pipeline.commit.staging import RUN_FILE
from albert_embed.pipeline.commit.transaction import Transaction
from albert_embed.pipeline.dataset.layout import ROWS_SCHEMA_FILE, is_own_file
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import VersionConflictError, read_manifest
from albert_embed.pipeline.shards.shard_index import read_index
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.literal_files import move_files
from tests.pipeline.embedded_rows import add_rows, make_formats, make_manifest, make_rows, publish_rows, write_shard


def list_files(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def finished_files(manifest: Manifest) -> set[str]:
    version = f"_versions/{manifest.generation}.json"
    return {*(file.path for file in manifest.files), "manifest.json", version, "_schema/rows.pbtxt"}


def begin(directory: Path, *, overwrite: bool = False, add: bool = False) -> Transaction:
    transaction = Transaction(str(directory))
    transaction.begin(overwrite=overwrite, add=add)
    return transaction


def stage(directory: Path, count: int, *, overwrite: bool = True) -> tuple[Transaction, Manifest]:
    """Returns a transaction that is ready to commit, with `count` shards in both formats, and its manifest."""
    transaction = begin(directory, overwrite=overwrite)
    formats = make_formats(["tfrecord", "parquet"])
    shards = [write_shard(transaction.staging.path, make_rows([2], first=n), formats) for n in range(count)]
    return transaction, make_manifest([make_rows([2], first=n) for n in range(count)], "float_list", shards)


@pytest.mark.parametrize("exists", [True, False])
def test_an_empty_or_new_directory_is_claimed(tmp_path: Path, exists: bool) -> None:
    directory = tmp_path / "deep" / "out"
    if exists:
        directory.mkdir(parents=True)
    begin(directory).end()
    assert list_files(directory) == set()


def test_a_finished_output_is_refused_and_left_alone(tmp_path: Path) -> None:
    manifest = publish_rows(tmp_path, [make_rows([2])])
    assert list_files(tmp_path) == finished_files(manifest) and all(map(is_own_file, list_files(tmp_path)))
    before = {name: (tmp_path / name).read_bytes() for name in list_files(tmp_path)}
    with pytest.raises(OutputError) as error:
        begin(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds a finished output; give another --output, or --overwrite to replace it"
    )
    assert {name: (tmp_path / name).read_bytes() for name in list_files(tmp_path)} == before


@pytest.mark.parametrize("name", ["notes.txt", "deep/file", "tfrecord/mine.tfrecord", "parquet/g1.parquet"])
def test_foreign_files_are_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(
        OutputError, match=rf"already holds something \({name}\); give an empty or new --output, or --over"
    ):
        begin(tmp_path)
    assert list_files(tmp_path) == {name}


@pytest.mark.parametrize("name", ["notes.txt", "tfrecord/mine.tfrecord"])
def test_foreign_files_beside_a_killed_run_are_refused(tmp_path: Path, name: str) -> None:
    killed = begin(tmp_path)
    killed.staging.write("part", b"half")
    killed._claim.release()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=rf"already holds something \({name}\)"):
        begin(tmp_path)
    assert list_files(tmp_path) == {name, f"_staging/{killed.staging.run}/part"}


def test_rows_of_no_version_and_no_run_are_foreign(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2])])
    for name in ("manifest.json", "_versions/1.json"):
        (tmp_path / name).unlink()
    with pytest.raises(OutputError, match="already holds something"):
        begin(tmp_path)


def test_overwriting_replaces_the_old_version_and_nothing_else(tmp_path: Path) -> None:
    publish_rows(tmp_path, [make_rows([2]), make_rows([3]), make_rows([4])])
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "tfrecord" / "old.tfrecord").write_text("mine too")
    transaction = begin(tmp_path, overwrite=True)
    assert read_manifest(str(tmp_path)).counts.rows == 3
    transaction.end()
    manifest = publish_rows(tmp_path, [make_rows([2])])
    assert manifest.generation == 2 and manifest.shards[0].path.startswith("tfrecord/g2-")
    assert list_files(tmp_path) == finished_files(manifest) | {"notes.txt", "tfrecord/old.tfrecord"}


def test_a_manifest_of_something_else_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"of": "another program"}')
    with pytest.raises(OutputError, match=r"is not a manifest of this program's .*remove the file first"):
        begin(tmp_path, overwrite=True)
    assert list_files(tmp_path) == {"manifest.json"}


def test_what_a_killed_run_had_staged_and_moved_is_cleared(tmp_path: Path) -> None:
    transaction, manifest = stage(tmp_path, 2)
    planned = make_plan(manifest, run=transaction.staging.run, generation=1, schemas={})
    transaction.staging.write("plan.json", planned.to_json())
    publish.move_planned(str(tmp_path), planned)
    assert (tmp_path / planned.moves[0].destination).exists()
    transaction._claim.release()
    begin(tmp_path).end()
    assert list_files(tmp_path) == set()


def test_a_plan_comes_back(tmp_path: Path) -> None:
    transaction, manifest = stage(tmp_path, 2)
    plan = make_plan(manifest, run=transaction.staging.run, generation=3, schemas={"a": "b"}, load_files=["c"])
    assert Plan.from_json(plan.to_json()) == plan
    assert sum(map(len, plan.split_moves())) == len(plan.moves) == 6
    transaction.end()


def test_what_is_not_in_the_manifest_is_not_published(tmp_path: Path) -> None:
    """Such as what the first attempt of a bundle left that a runner ran twice."""
    transaction, manifest = stage(tmp_path, 1)
    write_shard(transaction.staging.path, make_rows([4, 4]), make_formats(["tfrecord", "parquet"]))
    published = transaction.commit(manifest, {ROWS_SCHEMA_FILE: "schema"})
    transaction.end()
    assert list_files(tmp_path) == finished_files(published)


def test_what_a_version_names_is_there_with_its_sizes(tmp_path: Path) -> None:
    transaction, manifest = stage(tmp_path, 2)
    published = transaction.commit(manifest, {ROWS_SCHEMA_FILE: "schema"})
    transaction.end()
    assert json.loads((tmp_path / "_versions/1.json").read_text()) == published.to_dict()
    assert (tmp_path / "manifest.json").read_text() == (tmp_path / "_versions/1.json").read_text()
    token = transaction.staging.run.rpartition("-")[2]
    assert [(shard.path, shard.format, shard.rows) for shard in published.shards] == [
        (f"{format_name}/g1-{token}-0000{number}-of-00002.{format_name}", format_name, 1)
        for format_name in ("tfrecord", "parquet")
        for number in range(2)
    ]
    for file in published.files:
        assert file.bytes == (tmp_path / file.path).stat().st_size
    for number in range(2):  # what has one number is one shard
        with open(tmp_path / f"_index/g1-{token}-0000{number}-of-00002.parquet", "rb") as opened:
            _, index = read_index(opened)
        table = pq.read_table(tmp_path / f"parquet/g1-{token}-0000{number}-of-00002.parquet")
        assert [name.encode() for name in table["id"].to_pylist()] == index["id"].to_pylist()


def test_the_version_comes_after_its_files_and_before_those_of_the_old_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = publish_rows(tmp_path, [make_rows([2]), make_rows([3])])
    transaction, manifest = stage(tmp_path, 3)
    seen: list[tuple[str, set[str]]] = []

    def watch(name: str) -> None:
        original: Any = getattr(publish, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            seen.append((name, list_files(tmp_path)))
            return original(*arguments, **options)

        monkeypatch.setattr(publish, name, watched)

    for name in ("create_version", "copy_manifest", "delete_files"):
        watch(name)
    published = transaction.commit(manifest, {ROWS_SCHEMA_FILE: "schema"})
    assert [name for name, _ in seen][:2] == ["create_version", "copy_manifest"]
    before = seen[0][1]
    assert {file.path for file in (*old.files, *published.files)} <= before and "_versions/2.json" not in before
    assert {file.path for file in old.files} <= seen[1][1] and "_versions/2.json" in seen[1][1]
    transaction.end()
    assert list_files(tmp_path) == finished_files(published)


def test_of_two_that_commit_the_same_version_one_wins_and_the_other_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the claim had failed: it is advice, the number of the version is not."""
    monkeypatch.setattr("albert_embed.pipeline.commit.claim.Claim.acquire", lambda *_: None)
    monkeypatch.setattr("albert_embed.pipeline.commit.transaction.remove_runs", lambda *_: None)
    first, first_manifest = stage(tmp_path, 1)
    second, second_manifest = stage(tmp_path, 2)
    staged = {name for name in list_files(tmp_path) if second.staging.run in name}
    published = first.commit(first_manifest, {})
    with pytest.raises(VersionConflictError) as error:
        second.commit(second_manifest, {})
    assert str(error.value) == (
        f"{first.staging.run} has published version 1 of {tmp_path} since this run began; nothing of this run was "
        "published. Its finished shards are kept: run the same command again"
    )
    assert {name for name in list_files(tmp_path) if second.staging.run in name} >= staged
    assert read_manifest(str(tmp_path)) == published
    assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == 1
    assert first.commit(first_manifest, {}) == published  # an attempt that is made again
    third = begin(tmp_path, overwrite=True)
    third.commit(second_manifest, {})
    assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == 2


def test_a_version_that_was_removed_can_not_be_published_again(tmp_path: Path) -> None:
    late, manifest = stage(tmp_path, 1)
    late._claim.release()
    for _ in range(2):
        publish_rows(tmp_path, [make_rows([2])])
    assert list((tmp_path / "_versions").iterdir()) == [tmp_path / "_versions" / "2.json"]
    late.staging.write("embeddings", b"")
    with pytest.raises((VersionConflictError, FileNotFoundError)):
        late.commit(manifest, {})
    assert read_manifest(str(tmp_path)).generation == 2


@pytest.mark.parametrize("retain", [0, 1, 2])
def test_versions_that_are_retained_stay_readable(tmp_path: Path, retain: int) -> None:
    for count in (1, 2, 3, 4):
        transaction, manifest = stage(tmp_path, count)
        transaction.commit(manifest, {}, retain=retain)
        transaction.end()
    versions = sorted(int(path.stem) for path in (tmp_path / "_versions").iterdir())
    assert versions == list(range(4 - retain, 5))
    for number in versions:
        version = Manifest.from_dict(json.loads((tmp_path / f"_versions/{number}.json").read_text()))
        assert len(version.shards) == 2 * number
        assert all((tmp_path / file.path).stat().st_size == file.bytes for file in version.files)
    assert len(list((tmp_path / "parquet").iterdir())) == sum(versions)


def test_a_generation_that_is_added_keeps_the_files_of_those_before(tmp_path: Path) -> None:
    first = publish_rows(tmp_path, [make_rows([2, 2])], failures=['{"old": 1}'])
    second = add_rows(tmp_path, [make_rows([3], first=5)], [make_rows([2])])
    assert list_files(tmp_path) == finished_files(second)
    assert {file.path for file in first.files} - list_files(tmp_path) == {file.path for file in first.failure_shards}


@pytest.mark.parametrize("fails_at", ["move_files", "create_version", "write_file_atomically", "delete_files"])
def test_a_commit_that_fails_leaves_the_old_version_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    publish_rows(tmp_path, [make_rows([2]), make_rows([3])])
    transaction, manifest = stage(tmp_path, 3)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(publish, fails_at, fail)
        with pytest.raises(OSError, match="the disk is gone"):
            transaction.commit(manifest, {ROWS_SCHEMA_FILE: "schema"})
    transaction._claim.release()
    published = fails_at in ("write_file_atomically", "delete_files")
    assert sum(batch.num_rows for batch in read_embeddings(str(tmp_path))) == (3 if published else 2)
    again, manifest = stage(tmp_path, 1)
    last = again.commit(manifest, {ROWS_SCHEMA_FILE: "schema"})
    again.end()
    assert last.generation == (3 if published else 2) and list_files(tmp_path) == finished_files(last)


def test_a_commit_that_fails_half_way_leaves_no_file_where_rows_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that reads `parquet/*` would see its rows twice."""
    first = publish_rows(tmp_path, [make_rows([2])], sinks=("parquet",))
    transaction, manifest = stage(tmp_path, 2)

    def fail_at_the_end(pairs: list[tuple[str, str]]) -> None:
        move_files(pairs[:-1])
        raise OSError("the disk is gone")

    monkeypatch.setattr(publish, "move_files", fail_at_the_end)
    try:
        with pytest.raises(OSError, match="the disk is gone"):
            transaction.commit(manifest, {})
        assert len(list((tmp_path / "parquet").iterdir())) == 3
    finally:
        transaction.end()
    assert list_files(tmp_path) == finished_files(first)


def publish_first(tmp_path: Path, rows: int) -> Plan:
    """Publishes version 1 by its plan, which is returned: a late attempt has it, too."""
    transaction, manifest = stage(tmp_path, rows)
    plan = make_plan(manifest, run=transaction.staging.run, generation=1, schemas={})
    publish.move_planned(str(tmp_path), plan)
    publish.publish_plan(str(tmp_path), plan)
    transaction.end()
    return plan


def test_a_late_attempt_leaves_the_files_on_which_a_later_version_stands(tmp_path: Path) -> None:
    """A worker that hung may publish again when another run has added to what its own had published."""
    plan = publish_first(tmp_path, 2)
    later = add_rows(tmp_path, [make_rows([3], first=5)], [], sinks=("tfrecord", "parquet"))
    before = list_files(tmp_path)
    assert {file.path for file in plan.manifest.shards} <= {file.path for file in later.shards}
    with pytest.raises(VersionConflictError, match="has published version 2"):
        publish.publish_plan(str(tmp_path), plan)
    assert list_files(tmp_path) == before and read_manifest(str(tmp_path)) == later


def test_a_late_attempt_at_a_version_that_is_retained_changes_nothing(tmp_path: Path) -> None:
    plan = publish_first(tmp_path, 1)
    again, manifest = stage(tmp_path, 2)
    again.commit(manifest, {}, retain=1)
    again.end()
    before = {name: (tmp_path / name).read_bytes() for name in list_files(tmp_path)}
    publish.publish_plan(str(tmp_path), plan)
    assert {name: (tmp_path / name).read_bytes() for name in list_files(tmp_path)} == before


@pytest.mark.parametrize("moved", [False, True])
def test_finished_shards_of_a_killed_embed_outlast_a_compaction(tmp_path: Path, moved: bool) -> None:
    publish_rows(tmp_path, [make_rows([2])])
    killed, manifest = stage(tmp_path, 2)
    killed.staging.write(RUN_FILE, b"{}")
    staged = {name for name in list_files(tmp_path) if killed.staging.run in name}
    if moved:
        plan = make_plan(manifest, run=killed.staging.run, generation=2, schemas={})
        write_plan(killed.staging, plan)
        publish.move_planned(str(tmp_path), plan)
    killed._claim.release()
    compaction = begin(tmp_path, add=True)
    compaction.staging.write("rows", b"of a compaction")
    compaction._claim.release()  # it dies, too
    last = begin(tmp_path, add=True)
    last.end()
    assert {name for name in list_files(tmp_path) if name.startswith("_staging/")} == staged
    assert len([name for name in list_files(tmp_path) if name.startswith("parquet/")]) == 0
