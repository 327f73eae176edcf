"""How many batches are computed at once."""

from __future__ import annotations

import pytest

from albert_embed.model.streams.count_streams import count_streams

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "streams"),
    [(1, 1), (2, 2), (4, 2), (7, 2), (8, 2), (11, 2), (12, 3), (16, 4), (64, 16), (192, 48)],
)
def test_two_batches_and_from_eight_cores_one_for_every_four(cores: int, streams: int) -> None:
    assert count_streams(cores=cores, memory_bytes=512 * GIB, batch_bytes=GIB // 8) == streams


@pytest.mark.parametrize(
    ("memory", "streams"), [(512 * GIB, 16), (32 * GIB, 16), (31 * GIB, 15), (4 * GIB, 2), (GIB, 1), (0, 1)]
)
def test_batches_take_half_of_the_memory_at_most(memory: int, streams: int) -> None:
    assert count_streams(cores=64, memory_bytes=memory, batch_bytes=GIB) == streams
