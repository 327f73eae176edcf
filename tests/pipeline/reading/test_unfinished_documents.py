"""What an earlier run has finished is dropped: whole documents at once, single windows by the column that says so."""

from __future__ import annotations

import pyarrow as pa

from albert_embed.pipeline.reading.unfinished_documents import UnfinishedDocuments
from albert_embed.pipeline.shards.keys import document_keys, keys_to_arrow
from albert_embed.pipeline.shards.places import FINISHED_SCHEMA
from tests.pipeline.reading.made_input import Texts, read_documents

TEXTS = [("a", "1"), ("b", "2"), ("b", "2"), ("c", "3")]
DOCUMENTS = read_documents(TEXTS)


def finish(*rows: tuple[int, int, int], texts: Texts = TEXTS) -> pa.Table:
    """Returns the finished rows (position, window, windows of the document) of a part with these texts."""
    documents = read_documents(texts).take(pa.array([position for position, _, _ in rows], pa.int64()))
    keys = keys_to_arrow(document_keys(documents.column("id"), documents.column("content_hash")))
    windows, counts = ([row[column] for row in rows] for column in (1, 2))
    columns = [documents.column("input_position"), keys, pa.array(windows, pa.int64()), pa.array(counts, pa.int64())]
    return pa.table(columns, schema=FINISHED_SCHEMA)


def positions(documents: pa.RecordBatch) -> list[int]:
    found: list[int] = documents.column("input_position").to_pylist()
    return found


def test_whole_documents_are_dropped_and_their_equals_are_not() -> None:
    unfinished = UnfinishedDocuments(finish((3, 1, 2), (1, 0, 1), (3, 0, 2)))
    assert unfinished.missing_rows == 3
    left = unfinished.take(DOCUMENTS)
    assert positions(left) == [0, 2] and left.schema.equals(DOCUMENTS.schema)
    assert unfinished.missing_rows == 0


def test_single_windows_are_named() -> None:
    unfinished = UnfinishedDocuments(finish((0, 2, 3), (0, 0, 3), (1, 0, 1)))
    left = unfinished.take(DOCUMENTS)
    assert positions(left) == [0, 2, 3]
    assert left.column("finished_windows").to_pylist() == [[0, 2], None, None]
    assert "finished_windows" not in unfinished.take(DOCUMENTS.slice(2)).schema.names


def test_rows_of_documents_that_are_not_there_are_counted() -> None:
    unfinished = UnfinishedDocuments(finish((0, 0, 1), (3, 0, 4), (3, 2, 4)))
    left = unfinished.take(read_documents([("a", "1"), ("b", "2"), ("b", "2"), ("c", "another")]))
    assert positions(left) == [1, 2, 3] and unfinished.missing_rows == 2


def test_of_nothing_finished_all_is_left() -> None:
    unfinished = UnfinishedDocuments(finish())
    assert unfinished.take(DOCUMENTS) is DOCUMENTS and unfinished.missing_rows == 0
