"""The join of an input with what is published: new, changed, unchanged, deleted, repeated, not unique."""

from __future__ import annotations

import pyarrow as pa

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_IDS_SCHEMA
from albert_embed.pipeline.incremental.compare_documents import (
    DOCUMENT_SCHEMA,
    INDEX_SCHEMA,
    ComparedDocuments,
    compare_documents,
)
from albert_embed.pipeline.records.content_id import hash_content
from albert_embed.pipeline.shards.keys import document_keys, find_keys, id_keys, keys_from_arrow, keys_to_arrow

Document = tuple[bytes, bytes] | tuple[bytes, bytes, int]
RANGES = [b"range %010d" % number for number in (7, 3)]  # documents come from both in turn, the second sorted first


def make_documents(*documents: Document) -> pa.Table:
    """Returns a table of (id, text), each from a place of its own, or of (id, text, number of its place)."""
    rows = [(*document, number)[:3] for number, document in enumerate(documents)]
    return pa.table(
        {
            "id": [id_ for id_, _, _ in rows],
            "content_hash": [hash_content(text) for _, text, _ in rows],
            "input_range": [RANGES[number % 2] for _, _, number in rows],
            "input_position": [number // 2 for _, _, number in rows],
        },
        DOCUMENT_SCHEMA,
    )


def make_index(*documents: tuple[bytes, bytes, int, int, list[int]]) -> pa.Table:
    """Returns a row for each window: (id, text, generation, window count, the windows that are there)."""
    rows = [
        {
            "id": id_,
            "content_hash": hash_content(text),
            "window": window,
            "window_count": count,
            "tokens": 10 + window,
            "truncated": 1,
            "generation": generation,
        }
        for id_, text, generation, count, windows in documents
        for window in windows
    ]
    return pa.Table.from_pylist(rows, INDEX_SCHEMA)


def make_tombstones(*ids: tuple[bytes, int]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"id": id_, "generation": generation} for id_, generation in ids], TOMBSTONE_IDS_SCHEMA
    )


def key(id_: bytes, text: bytes) -> bytes:
    found: bytes = keys_to_arrow(document_keys(pa.array([id_]), pa.array([hash_content(text)])))[0].as_py()
    return found


def selected(comparison: ComparedDocuments) -> dict[tuple[bytes, int], bool]:
    """Returns whether the selected document is unique, by key and the number of its place."""
    return {
        (row["key"], 2 * row["input_position"] + RANGES.index(row["input_range"])): row["unique"]
        for row in comparison.selected.to_pylist()
    }


def tombstones(comparison: ComparedDocuments) -> dict[bytes, bool]:
    return {row["id"]: row["deleted"] for row in comparison.tombstones.to_pylist()}


def test_new_changed_unchanged_and_absent() -> None:
    documents = make_documents((b"same", b"1"), (b"other", b"2 now"), (b"new", b"3"))
    index = make_index((b"same", b"1", 0, 1, [0]), (b"other", b"2", 0, 2, [0, 1]), (b"gone", b"4", 1, 1, [0]))
    comparison = compare_documents(documents, index, make_tombstones(), full_snapshot=False)
    assert comparison.counts == DocumentCounts(read=3, new=1, changed=1, unchanged=1)
    assert selected(comparison) == {(key(b"other", b"2 now"), 1): True, (key(b"new", b"3"), 2): True}
    assert comparison.tombstones.to_pylist() == [
        {"id": b"other", "deleted": False, "documents": 1, "rows": 2, "tokens": 21, "truncated": 2}
    ]
    full = compare_documents(documents, index, make_tombstones(), full_snapshot=True)
    assert full.counts == DocumentCounts(read=3, new=1, changed=1, unchanged=1, deleted=1)
    assert selected(full) == selected(comparison)
    assert tombstones(full) == {b"other": False, b"gone": True}


def test_only_rows_that_no_later_generation_supersedes_count() -> None:
    documents = make_documents((b"back", b"old"), (b"moved", b"new"), (b"returned", b"3"))
    index = make_index(
        (b"back", b"old", 0, 1, [0]),  # deleted in 1: its content of then is new again
        (b"moved", b"old", 0, 1, [0]),
        (b"moved", b"new", 2, 1, [0]),  # superseded the one before in its own generation
        (b"returned", b"3", 0, 1, [0]),
        (b"returned", b"3", 3, 1, [0]),
    )
    dead = make_tombstones((b"back", 1), (b"moved", 1), (b"moved", 2), (b"returned", 1), (b"unheard of", 5))
    comparison = compare_documents(documents, index, dead, full_snapshot=True)
    assert comparison.counts == DocumentCounts(read=3, new=1, unchanged=2)
    assert selected(comparison) == {(key(b"back", b"old"), 0): True}
    assert tombstones(comparison) == {}


def test_a_document_that_lacks_windows_or_stands_twice_is_embedded_again() -> None:
    documents = make_documents((b"part", b"1"), (b"twice", b"2"), (b"both", b"3"), (b"whole", b"4"))
    index = make_index(
        (b"part", b"1", 0, 3, [0, 2]),  # a window failed
        (b"twice", b"2", 0, 2, [0, 1, 0, 1]),  # a plain run embeds equal documents each
        (b"both", b"3", 0, 1, [0]),
        (b"both", b"another", 0, 1, [0]),
        (b"whole", b"4", 0, 2, [1, 0]),
    )
    comparison = compare_documents(documents, index, make_tombstones(), full_snapshot=False)
    assert comparison.counts == DocumentCounts(read=4, changed=3, unchanged=1)
    assert tombstones(comparison) == {b"part": False, b"twice": False, b"both": False}
    rows = {row["id"]: (row["documents"], row["rows"]) for row in comparison.tombstones.to_pylist()}
    assert rows == {b"part": (1, 2), b"twice": (2, 4), b"both": (2, 2)}
    assert comparison.dead_vectors == 1  # of "twice": the others have none


def test_equal_documents_are_embedded_once() -> None:
    documents = make_documents((b"a", b"1", 30), (b"a", b"1", 71), (b"a", b"1", 73), (b"b", b"2", 4))
    comparison = compare_documents(documents, make_index(), make_tombstones(), full_snapshot=False)
    assert comparison.counts == DocumentCounts(read=4, new=2, repeated=2)
    assert selected(comparison) == {(key(b"a", b"1"), 71): True, (key(b"b", b"2"), 4): True}
    again = compare_documents(documents, make_index((b"a", b"1", 0, 1, [0])), make_tombstones(), full_snapshot=False)
    assert again.counts == DocumentCounts(read=4, new=1, unchanged=1, repeated=2)


def test_an_id_of_several_contents_fails_and_so_do_equal_documents_that_can_not_be_told_apart() -> None:
    documents = make_documents(
        (b"two", b"1"),
        (b"two", b"2"),
        (b"two", b"2"),
        (b"one", b"4"),
        (b"overlap", b"5", 9),  # the same file through two patterns
        (b"overlap", b"5", 9),
    )
    index = make_index((b"two", b"1", 0, 1, [0]), (b"overlap", b"old", 0, 1, [0]))
    comparison = compare_documents(documents, index, make_tombstones(), full_snapshot=False)
    assert comparison.counts == DocumentCounts(read=6, new=1, not_unique=5)
    assert selected(comparison) == {
        (key(b"two", b"1"), 0): False,
        (key(b"two", b"2"), 1): False,
        (key(b"two", b"2"), 2): False,
        (key(b"overlap", b"5"), 9): False,
        (key(b"one", b"4"), 3): True,
    }
    assert tombstones(comparison) == {b"two": False, b"overlap": False}


def test_of_nothing_comes_nothing() -> None:
    comparison = compare_documents(make_documents(), make_index(), make_tombstones(), full_snapshot=True)
    assert comparison.counts == DocumentCounts()
    assert comparison.selected.num_rows == comparison.tombstones.num_rows == 0


def test_an_input_of_nothing_deletes_all_only_as_a_full_snapshot() -> None:
    index = make_index((b"a", b"1", 0, 1, [0]), (b"b", b"2", 0, 1, [0]))
    kept = compare_documents(make_documents(), index, make_tombstones(), full_snapshot=False)
    assert kept.counts == DocumentCounts() and tombstones(kept) == {}
    gone = compare_documents(make_documents(), index, make_tombstones(), full_snapshot=True)
    assert gone.counts == DocumentCounts(deleted=2) and tombstones(gone) == {b"a": True, b"b": True}


def test_counts_add_up() -> None:
    first, second = DocumentCounts(read=3, new=1, unchanged=2), DocumentCounts(read=1, changed=1, deleted=4)
    assert first + second == DocumentCounts(read=4, new=1, changed=1, unchanged=2, deleted=4)


def test_keys_are_found_zeros_at_their_ends_or_not() -> None:
    import numpy as np

    raw = [b"\0" * 16, b"a" * 15 + b"\0", b"a" * 16, b"b" * 14 + b"\0\0"]
    keys = np.sort(np.array(raw, "S16"))
    assert keys_to_arrow(keys).to_pylist() == sorted(raw)
    assert keys_from_arrow(keys_to_arrow(keys)).tolist() == keys.tolist()
    parts = pa.chunked_array([keys_to_arrow(keys).slice(1, 2), keys_to_arrow(keys).slice(3)])
    assert keys_from_arrow(parts).tolist() == keys.tolist()[1:] and keys_from_arrow(parts.slice(0, 0)).tolist() == []
    wanted = np.array([b"a" * 16, b"a" * 15 + b"\1", b"\0" * 16, b"c" * 16], "S16")
    assert find_keys(keys, wanted).tolist() == [2, -1, 0, -1]
    assert find_keys(keys[:0], wanted).tolist() == [-1] * 4
    assert len({*id_keys(pa.array([b"", b"a", b"a"])).tolist()}) == 2
