"""Of shards with rows in common the earlier one is used; and of any shard only if all of its rows are wanted."""

from __future__ import annotations

import pyarrow as pa
import pytest

from albert_embed.pipeline.resume.find_losers import find_losers
from albert_embed.pipeline.shards.places import FINISHED_SCHEMA, SELECTED_SCHEMA


def make_attempt(*rows: tuple[int, int]) -> pa.Table:
    """Returns the rows (position, window) of a shard."""
    columns = [
        [position for position, _ in rows],
        [make_key(position) for position, _ in rows],
        [window for _, window in rows],
        [3] * len(rows),
    ]
    return pa.table(dict(zip(FINISHED_SCHEMA.names, columns, strict=True)), FINISHED_SCHEMA)


def make_key(position: int) -> bytes:
    return b"%016d" % position


def select(*positions: int, unique: bool = True, other: bool = False) -> pa.Table:
    keys = [make_key(position + 100 * other) for position in positions]
    columns = [list(positions), keys, [unique] * len(positions)]
    return pa.table(dict(zip(SELECTED_SCHEMA.names, columns, strict=True)), SELECTED_SCHEMA)


@pytest.mark.parametrize(
    ("attempts", "lost"),
    [
        ([], []),
        ([[(0, 0), (1, 0)], [(2, 0)]], [False, False]),
        ([[(0, 0), (1, 0)], [(1, 0), (2, 0)], [(2, 0)]], [False, True, True]),  # the last lost to one that is not used
        ([[(0, 0)], [(0, 1)], [(0, 2), (1, 0)]], [False, False, False]),  # windows of one document
        ([[(0, 0), (0, 0)]], [True]),  # of a part that the input has twice
        ([[], [(0, 0)]], [False, False]),
    ],
)
def test_for_each_row_the_earliest_wins(attempts: list[list[tuple[int, int]]], lost: list[bool]) -> None:
    assert find_losers([make_attempt(*rows) for rows in attempts], None) == lost


def test_a_shard_with_a_row_that_is_not_wanted_is_not_used() -> None:
    attempts = [make_attempt((0, 0), (4, 1)), make_attempt((7, 0)), make_attempt((0, 1), (9, 0))]
    assert find_losers(attempts, select(9, 4, 0)) == [False, True, False]
    assert find_losers(attempts, select(0, 4, 7, 9)) == [False] * 3
    assert find_losers(attempts, select()) == [True] * 3
    # Their ids belong to several contents, or they have another content now.
    assert find_losers(attempts, pa.concat_tables([select(0, 4), select(7, unique=False)])) == [False, True, True]
    assert find_losers(attempts, pa.concat_tables([select(0, 9), select(4, 7, other=True)])) == [True, True, False]
