"""Commits in a bucket, against the emulator: of several that race, one wins; nothing is asked about one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.commit.transaction import Transaction
from albert_embed.pipeline.dataset.versions import VersionConflictError, read_manifest
from albert_embed.transforms.files.create_file import create_file
from albert_embed.transforms.files.literal_files import delete_directory, list_directory, move_files
from tests.pipeline.embedded_rows import make_formats, make_manifest, make_rows, write_shard

pytestmark = pytest.mark.integration


def stage(directory: str, rows: list[pa.RecordBatch]) -> Transaction:
    transaction = Transaction(directory)
    transaction.rows = [write_shard(transaction.staging.path, batch, make_formats(["parquet"])) for batch in rows]  # type: ignore[attr-defined]
    return transaction


def test_of_many_that_create_a_file_one_can(bucket: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        created = list(pool.map(lambda number: create_file(f"{bucket}/deep/[1].json", b"%d" % number), range(8)))
    assert sum(created) == 1
    assert list_directory(f"{bucket}/deep") == ["[1].json"]


def test_files_are_moved_and_deleted_again_and_again(bucket: str) -> None:
    for number in range(3):
        create_file(f"{bucket}/from/[{number}]", b"x")
    pairs = [(f"{bucket}/from/[{number}]", f"{bucket}/to/[{number}]") for number in range(3)]
    move_files(pairs[:1])
    for _ in range(2):
        move_files(pairs)
    assert list_directory(bucket) == [f"to/[{number}]" for number in range(3)]
    with pytest.raises(FileNotFoundError, match="can't move"):
        move_files([(f"{bucket}/none", f"{bucket}/neither")])
    for _ in range(2):
        delete_directory(f"{bucket}/to")
    assert list_directory(bucket) == []


def test_of_two_commits_one_wins_and_the_other_can_be_repeated(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albert_embed.pipeline.commit.claim.Claim.acquire", lambda *_: None)
    directory = f"{bucket}/out"
    batches = [[make_rows([2])], [make_rows([3]), make_rows([4], first=1)]]
    transactions = [stage(directory, rows) for rows in batches]

    def commit(number: int) -> str:
        transaction, rows = transactions[number], batches[number]
        manifest = make_manifest(rows, "float_list", transaction.rows)  # type: ignore[attr-defined]
        try:
            return transaction.commit(manifest, {}).run
        except VersionConflictError:
            return "lost"

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(commit, range(2)))
    assert sorted(ended, key=len)[0] == "lost"
    winner = 0 if ended[1] == "lost" else 1
    assert read_manifest(directory).run == transactions[winner].staging.run
    assert sum(batch.num_rows for batch in read_embeddings(directory)) == winner + 1
    lost = transactions[1 - winner]
    assert any(lost.staging.run in name for name in list_directory(directory))  # its shards are kept
    again = Transaction(directory)
    again.begin(overwrite=True)
    shards = [write_shard(again.staging.path, batch, make_formats(["parquet"])) for batch in batches[1 - winner]]
    again.commit(make_manifest(batches[1 - winner], "float_list", shards), {})
    again.end()
    assert sum(batch.num_rows for batch in read_embeddings(directory)) == 2 - winner
    assert not [name for name in list_directory(directory) if name.startswith("_staging")]
