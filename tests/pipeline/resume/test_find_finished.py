"""What runs that were cut off have left: which shards are whole, which are used, and what is finished of each part."""

from __future__ import annotations

import dataclasses
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from albert_embed.pipeline.documents.keyed_tables import from_bytes, to_bytes
from albert_embed.pipeline.resume.candidate_shards import list_candidates, read_candidate
from albert_embed.pipeline.resume.find_finished import ALL_DOCUMENTS, SHARDS, FindFinished, read_finished
from albert_embed.pipeline.shards.keys import document_keys, keys_to_arrow
from albert_embed.pipeline.shards.places import FINISHED_SCHEMA, SELECTED_SCHEMA
from albert_embed.pipeline.shards.shard import Shard
from tests.pipeline.embedded_rows import make_formats, make_rows, write_shard

BOTH = ("tfrecord", "parquet")
PARTS = {number: b"part %11d" % number for number in range(3)}


def make_placed(part: int, first: int, count: int) -> pa.RecordBatch:
    """Returns rows of documents `first` and on, at these positions of a part."""
    columns = {
        "input_range": pa.array([PARTS[part]] * count, pa.binary(16)),
        "input_position": pa.array(range(first, first + count), pa.int64()),
    }
    return make_rows([2] * count, first=first, **columns)


def write(directory: Path, *rows: pa.RecordBatch) -> Shard:
    directory.mkdir(exist_ok=True)
    return write_shard(str(directory), pa.Table.from_batches(rows).combine_chunks().to_batches()[0], make_formats(BOTH))


def check(
    wanted: Mapping[int, bytes], *directories: Path, rows: Mapping[int, list[int]], shards: list[tuple[Path, Shard]]
) -> None:
    """Asserts what is found: the finished positions of each part, and the shards that are used with their folders."""

    def check_rows(found: list[tuple[bytes, bytes]]) -> None:
        positions: dict[bytes, list[int]] = {}
        for key, content in found:
            table = from_bytes([content], FINISHED_SCHEMA)
            assert table.schema == FINISHED_SCHEMA
            positions.setdefault(key, []).extend(table["input_position"].to_pylist())
        assert {key: sorted(numbers) for key, numbers in positions.items()} == {
            PARTS[part]: numbers for part, numbers in rows.items()
        }

    def check_shards(found: list[Shard]) -> None:
        expected = [dataclasses.replace(shard, run=directory.name) for directory, shard in shards]
        assert sorted(found, key=repr) == sorted(expected, key=repr)

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        found = (
            pipeline
            | beam.Create([(PARTS[part], what) for part, what in wanted.items()])
            | FindFinished(list(map(str, directories)))
        )
        assert_that(found["rows"], check_rows, label="rows")
        assert_that(found["shards"], check_shards, label="shards")


ALL = dict.fromkeys(PARTS, ALL_DOCUMENTS)


def test_finished_rows_are_found_by_part(tmp_path: Path) -> None:
    first = write(tmp_path / "run", make_placed(0, 0, 3), make_placed(1, 5, 2))
    second = write(tmp_path / "run", make_placed(1, 3, 2))
    used = [(tmp_path / "run", first), (tmp_path / "run", second)]
    check(ALL, tmp_path / "run", rows={0: [0, 1, 2], 1: [3, 4, 5, 6]}, shards=used)
    check(ALL, tmp_path / "nothing", rows={}, shards=[])
    # A part that the input no longer has.
    check({1: ALL_DOCUMENTS}, tmp_path / "run", rows={1: [3, 4]}, shards=used[1:])


def test_of_two_runs_the_earlier_one_wins(tmp_path: Path) -> None:
    later = write(tmp_path / "b", make_placed(0, 0, 2))
    alone = write(tmp_path / "b", make_placed(0, 7, 1))
    early = write(tmp_path / "a", make_placed(0, 1, 1))
    check(
        ALL, tmp_path / "a", tmp_path / "b", rows={0: [1, 7]}, shards=[(tmp_path / "a", early), (tmp_path / "b", alone)]
    )
    check(
        ALL,
        tmp_path / "b",
        tmp_path / "a",
        rows={0: [0, 1, 7]},
        shards=[(tmp_path / "b", later), (tmp_path / "b", alone)],
    )


def test_only_selected_documents_count(tmp_path: Path) -> None:
    rows = make_placed(0, 0, 4)
    keys = keys_to_arrow(document_keys(rows.column("id"), rows.column("content_hash")))
    table = pa.table([rows.column("input_position"), keys, pa.array([True] * 4)], schema=SELECTED_SCHEMA)
    used = write(tmp_path / "run", make_placed(0, 0, 1), make_placed(0, 2, 1))
    write(tmp_path / "run", make_placed(0, 3, 2))
    selected = {0: to_bytes(table), 1: to_bytes(table.slice(0, 1))}
    check(selected, tmp_path / "run", rows={0: [0, 2]}, shards=[(tmp_path / "run", used)])


def remove_index(directory: Path, shard: Shard) -> None:
    (directory / shard.index_file).unlink()


def remove_data(directory: Path, shard: Shard) -> None:
    (directory / shard.data_file("parquet")).unlink()


def cut_data(directory: Path, shard: Shard) -> None:
    path = directory / shard.data_file("tfrecord")
    path.write_bytes(path.read_bytes()[:-1])


def garble_index(directory: Path, shard: Shard) -> None:
    (directory / shard.index_file).write_bytes(b"no Parquet")


def rename_index(directory: Path, shard: Shard) -> None:
    (directory / shard.index_file).rename(directory / "index-other.parquet")


@pytest.mark.parametrize("damage", [remove_index, remove_data, cut_data, garble_index, rename_index])
def test_a_shard_that_is_not_whole_is_left(tmp_path: Path, damage: Any, caplog: pytest.LogCaptureFixture) -> None:
    shards = [write(tmp_path, make_placed(0, first, 2)) for first in (0, 2)]
    damage(tmp_path, shards[0])
    with caplog.at_level(logging.WARNING):
        found = [read_candidate(candidate) for candidate in list_candidates(str(tmp_path))]
    assert [shard for shard, _ in filter(None, found)] == shards[1:]
    assert ("is not used: " in caplog.text) == (damage is garble_index)


def test_a_shard_that_does_not_know_its_places_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, make_rows([2, 3]))
    (candidate,) = list_candidates(str(tmp_path))
    with caplog.at_level(logging.WARNING):
        assert read_candidate(candidate) is None
    assert "is not used: it does not say where in the input its rows come from" in caplog.text


def test_what_is_finished_is_read_and_goes_to_workers(tmp_path: Path) -> None:
    shard = write(tmp_path, make_placed(2, 4, 1))
    (key, rows), tagged = read_finished((str(tmp_path / shard.index_file), False))
    assert key == PARTS[2] and from_bytes([rows], FINISHED_SCHEMA)["input_position"].to_pylist() == [4]
    assert tagged.tag == SHARDS and tagged.value == dataclasses.replace(shard, run=tmp_path.name)
    candidates = list_candidates(str(tmp_path), 3)
    assert pickle.loads(pickle.dumps(candidates)) == candidates and candidates[0].attempt == 3


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "damaged"])
def test_a_shard_whose_index_is_damaged_or_goes_meanwhile_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, gone: bool
) -> None:
    """Such as by a worker that has outlived its run: the next run must not end by that, again and again."""
    shard = write(tmp_path / "run", make_placed(0, 0, 300))
    (candidate,) = list_candidates(str(tmp_path / "run"))
    path = tmp_path / "run" / shard.index_file
    content = bytearray(path.read_bytes())
    content[len(content) // 8] ^= 0xFF
    path.unlink() if gone else path.write_bytes(content)
    assert read_candidate(candidate) is None
    assert [record.message for record in caplog.records if f"{path} is not used: " in record.message] != []
