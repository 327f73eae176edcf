"""Which rows of which generation are dead."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_SCHEMA, Tombstones, load_tombstones
from albert_embed.pipeline.formats.shard_file import DamagedShardError


def write(path: Path, *ids: bytes) -> str:
    fields = dict.fromkeys(TOMBSTONE_SCHEMA.names[2:], 1)
    rows = [{"id": id_, "deleted": False, **fields} for id_ in ids]
    pq.write_table(pa.Table.from_pylist(rows, TOMBSTONE_SCHEMA), path)
    return str(path)


@pytest.fixture
def tombstones(tmp_path: Path) -> Tombstones:
    """`a` dies in generations 2 and 5, `b` in 2, `c` in 5."""
    later = write(tmp_path / "5.parquet", b"c", b"a")
    return load_tombstones(
        [
            PublishedFile(path=later, generation=5),
            PublishedFile(path=write(tmp_path / "2.parquet", b"a", b"b"), generation=2),
        ]
    )


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        (0, [False, False, False, True]),
        (1, [False, False, False, True]),
        (2, [False, True, False, True]),  # a run's own rows replace those it supersedes
        (4, [False, True, False, True]),
        (5, None),
        (6, None),
    ],
)
def test_rows_of_earlier_generations_are_dead(
    tombstones: Tombstones, generation: int, expected: list[bool] | None
) -> None:
    live = tombstones.find_live(pa.array([b"a", b"b", b"c", b"d"]), generation)
    assert (None if live is None else live.tolist()) == expected


def test_where_all_live_there_is_nothing_to_mask(tombstones: Tombstones) -> None:
    assert tombstones.find_live(pa.array([b"x", b"y"]), 0) is None
    assert tombstones.find_live(pa.array([], pa.binary()), 0) is None


def test_an_output_of_one_generation() -> None:
    assert load_tombstones([]).find_live(pa.array([b"a"]), 0) is None


def test_an_empty_list(tmp_path: Path) -> None:
    assert (
        load_tombstones([PublishedFile(path=write(tmp_path / "a.parquet"), generation=3)]).find_live(
            pa.array([b"a"]), 0
        )
        is None
    )


def test_a_damaged_list(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, b"a")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DamagedShardError, match=rf"^{path}: "):
        load_tombstones([PublishedFile(path=str(path), generation=1)])
