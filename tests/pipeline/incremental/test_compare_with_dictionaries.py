"""`compare_documents` beside a plain model in dictionaries, over any input, index and tombstones."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.incremental.compare_documents import compare_documents
from tests.pipeline.incremental.test_compare_documents import (
    RANGES,
    key,
    make_documents,
    make_index,
    make_tombstones,
    selected,
    tombstones,
)

IDS = st.sampled_from([b"a", b"b", b"c", b"d"])
TEXTS = st.sampled_from([b"1", b"2"])
PLACES = st.integers(0, 6)
WINDOWS = st.lists(st.integers(0, 2), min_size=1, max_size=3)

Document = tuple[bytes, bytes, int]
Published = tuple[bytes, bytes, int, int, list[int]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Expected:
    """What the plain model gives."""

    counts: DocumentCounts
    selected: dict[tuple[bytes, int], bool]
    tombstones: dict[bytes, bool]


def find_live_rows(index: list[Published], dead: list[tuple[bytes, int]]) -> dict[bytes, list[tuple[bytes, int, int]]]:
    """Returns (text, window, window count) of each row that no later generation has superseded, by id."""
    live: dict[bytes, list[tuple[bytes, int, int]]] = defaultdict(list)
    for id_, text, generation, count, windows in index:
        if all(generation >= later for other, later in dead if other == id_):
            live[id_] += [(text, window, count) for window in windows]
    return live


def is_whole(rows: list[tuple[bytes, int, int]], text: bytes) -> bool:
    """Returns whether these are all the windows of a document with this text, each once."""
    windows = [window for _, window, _ in rows]
    return (
        {other for other, _, _ in rows} == {text}
        and len(set(windows)) == len(windows)
        and max(count for _, _, count in rows) == len(windows)
    )


def compare_plainly(
    documents: list[Document], index: list[Published], dead: list[tuple[bytes, int]], *, full_snapshot: bool
) -> Expected:
    counts: Counter[str] = Counter(read=len(documents))
    chosen: dict[tuple[bytes, int], bool] = {}
    gone: dict[bytes, bool] = {}
    live = find_live_rows(index, dead)
    for id_ in {id_ for id_, _, _ in documents}:
        copies = [(text, place) for other, text, place in documents if other == id_]
        texts, places = {text for text, _ in copies}, {place for _, place in copies}
        told_apart = len(places) == len(copies)
        if len(texts) > 1 or not told_apart:
            counts["not_unique"] += len(copies)
            chosen |= {(key(id_, text), place): False for text, place in copies}
            gone |= {id_: False} if id_ in live else {}
            continue
        counts["repeated"] += len(copies) - 1
        (text,) = texts
        if id_ in live and is_whole(live[id_], text):
            counts["unchanged"] += 1
            continue
        counts["changed" if id_ in live else "new"] += 1
        first = min(places, key=lambda place: (RANGES[place % 2], place))
        chosen[key(id_, text), first] = True
        gone |= {id_: False} if id_ in live else {}
    if full_snapshot:
        absent = live.keys() - {id_ for id_, _, _ in documents}
        counts["deleted"] = len(absent)
        gone |= dict.fromkeys(absent, True)
    return Expected(counts=DocumentCounts(**counts), selected=chosen, tombstones=gone)


@given(
    documents=st.lists(st.tuples(IDS, TEXTS, PLACES), max_size=8),
    index=st.lists(st.tuples(IDS, TEXTS, st.integers(0, 3), st.integers(1, 3), WINDOWS), max_size=6),
    dead=st.lists(st.tuples(IDS, st.integers(1, 3)), max_size=4),
    full_snapshot=st.booleans(),
)
def test_any_input_compares_as_in_dictionaries(
    documents: list[Document], index: list[Published], dead: list[tuple[bytes, int]], full_snapshot: bool
) -> None:
    found = compare_documents(
        make_documents(*documents), make_index(*index), make_tombstones(*dead), full_snapshot=full_snapshot
    )
    expected = compare_plainly(documents, index, dead, full_snapshot=full_snapshot)
    assert found.counts == expected.counts
    assert selected(found) == expected.selected
    assert tombstones(found) == expected.tombstones
