"""How far a loop is."""

from __future__ import annotations

from albert_embed.pipeline.progress.display import NoDisplay
from albert_embed.pipeline.progress.loop import Loop, watch_loop
from tests.pipeline.progress.test_run_status import Clock


def test_a_loop_of_known_length() -> None:
    clock = Clock()
    loop = Loop("compacting", total=400, unit="rows", clock=clock)
    assert loop.read().line == "compacting: 0 %"
    loop.advance(100)
    assert loop.read().line == "compacting: 25 %, 100 rows"
    clock.now += 10
    assert loop.read().line == "compacting: 25 %, 30 s left, 100 rows, 10 rows/s"


def test_a_loop_of_unknown_length() -> None:
    clock = Clock()
    loop = Loop("reading", total=None, unit="rows", clock=clock)
    loop.advance(50)
    clock.now += 5
    assert loop.read().line == "reading: 50 rows, 10 rows/s"


def test_a_loop_counts_where_nothing_is_shown() -> None:
    with watch_loop(NoDisplay(), "reading", total=5, unit="rows") as loop:
        loop.advance(2)
    assert loop.read().share == 0.4
