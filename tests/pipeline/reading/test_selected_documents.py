"""The second reading: what was selected is taken, at its place and with its content, and nothing else."""

from __future__ import annotations

import pyarrow as pa

from albert_embed.pipeline.reading.selected_documents import SelectedDocuments
from albert_embed.pipeline.shards.keys import document_keys, keys_to_arrow
from albert_embed.pipeline.shards.places import SELECTED_SCHEMA
from tests.pipeline.reading.made_input import read_documents

TEXTS = [("a", "1"), ("b", "2"), ("b", "2"), ("c", "3"), ("c", "other"), ("d", "4")]
DOCUMENTS = read_documents(TEXTS)


def select(*places: tuple[int, bool]) -> pa.Table:
    """Returns the documents at these positions, each with whether it is the only content of its id."""
    taken = DOCUMENTS.take(pa.array([position for position, _ in places], pa.int64()))
    keys = keys_to_arrow(document_keys(taken.column("id"), taken.column("content_hash")))
    unique = pa.array([one for _, one in places], pa.bool_())
    return pa.table([taken.column("input_position"), keys, unique], schema=SELECTED_SCHEMA)


def test_what_was_selected_is_taken() -> None:
    selected = SelectedDocuments(select((0, True), (2, True), (3, False), (4, False)))
    assert selected.missing == 4
    chosen, failures = selected.take(DOCUMENTS)
    assert chosen.schema.equals(DOCUMENTS.schema)
    assert chosen.select(["id", "input_position"]).to_pylist() == [
        {"id": b"a", "input_position": 0},
        {"id": b"b", "input_position": 2},
    ]
    assert [(failure.id, failure.text, failure.stage, failure.reason) for failure in failures] == [
        (b"c", b"3", "read", "id not unique"),
        (b"c", b"other", "read", "id not unique"),
    ]
    assert "the input has the id 'c' more than once" in failures[0].error
    assert selected.missing == 0


def test_the_order_of_the_selection_and_the_cuts_of_the_reading_do_not_matter() -> None:
    selected = SelectedDocuments(select((5, True), (1, True), (0, True)))
    taken = [selected.take(DOCUMENTS.slice(start, 2))[0].column("id").to_pylist() for start in (0, 2, 4)]
    assert taken == [[b"a", b"b"], [], [b"d"]] and selected.missing == 0


def test_a_document_that_has_changed_since_is_missing() -> None:
    selected = SelectedDocuments(select((0, True), (3, False), (5, True)))
    later = read_documents([("a", "1 now"), ("b", "2"), ("b", "2"), ("other", "3"), ("c", "other"), ("d", "4")])
    chosen, failures = selected.take(later)
    assert chosen.column("id").to_pylist() == [b"d"] and failures == []
    assert selected.missing == 2
    # One more in front of it: it is not at its place.
    moved = SelectedDocuments(select((5, True)))
    assert moved.take(read_documents([("new", "0"), *TEXTS]))[0].num_rows == 0 and moved.missing == 1


def test_a_part_that_is_read_twice_gives_a_failure_each_time() -> None:
    selected = SelectedDocuments(select((0, False), (0, False)))
    failures = [failure for _ in range(2) for failure in selected.take(DOCUMENTS)[1]]
    assert [failure.id for failure in failures] == [b"a", b"a"] and selected.missing == 0


def test_of_nothing_nothing_is_taken() -> None:
    selected = SelectedDocuments(select())
    assert selected.missing == 0
    chosen, failures = selected.take(DOCUMENTS)
    assert chosen.num_rows == 0 and failures == []
