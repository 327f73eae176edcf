"""The second reading: what was chosen is taken, each document once, and ids that stand for several fail."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from albert_embed.pipeline.documents.prepare_documents import prepare_documents
from albert_embed.pipeline.incremental.compare_documents import compare_documents
from albert_embed.pipeline.incremental.select_documents import make_select_documents, read_selection, select_documents
from tests.pipeline.incremental.test_compare_documents import make_index, make_tombstones

TEXTS = [(b"a", b"1"), (b"b", b"2"), (b"b", b"2"), (b"c", b"3"), (b"c", b"other"), (b"d", b"4")]


def prepare(*, origins: bool = True, texts: list[tuple[bytes, bytes]] = TEXTS) -> pa.RecordBatch:
    columns = {
        "id": pa.array([id_ for id_, _ in texts], pa.binary()),
        "text": pa.array([text for _, text in texts], pa.large_binary()),
    }
    if origins:
        columns["origin"] = pa.array(range(len(texts)), pa.uint64())
    prepared, failures = prepare_documents(pa.RecordBatch.from_pydict(columns))
    assert not failures
    return prepared


def write_selection(path: Path, documents: pa.RecordBatch) -> list[str]:
    """Returns everything but `d`, in two files."""
    texts = {b"d": b"4"}
    hashes = dict(zip(documents["id"].to_pylist(), documents["content_hash"].to_pylist(), strict=True))
    index = make_index(*((id_, text, 0, 1, [0]) for id_, text in texts.items()))
    index = index.set_column(1, "content_hash", pa.array([hashes[b"d"]], pa.binary(16)))
    found = compare_documents(
        pa.Table.from_batches([documents.select(["id", "content_hash", "origin"])]),
        index,
        make_tombstones(),
        full_snapshot=False,
    )
    assert (found.counts.new, found.counts.unchanged, found.counts.repeated, found.counts.not_unique) == (2, 1, 1, 2)
    paths = [str(path / "selected-0.parquet"), str(path / "selected-1.parquet")]
    pq.write_table(found.selected.slice(0, 2), paths[0])
    pq.write_table(found.selected.slice(2), paths[1])
    return paths


def test_what_was_chosen_is_taken(tmp_path: Path) -> None:
    documents = prepare()
    selection = read_selection(write_selection(tmp_path, documents))
    assert selection.keys.tolist() == sorted(selection.keys.tolist()) and len(selection.keys) == 4
    chosen, failures = select_documents(documents, selection)
    assert chosen.schema.names == [name for name in documents.schema.names if name != "origin"]
    assert chosen.select(["id", "text"]).to_pylist() == [{"id": b"a", "text": b"1"}, {"id": b"b", "text": b"2"}]
    assert [(failure.id, failure.text, failure.stage, failure.reason) for failure in failures] == [
        (b"c", b"3", "read", "id not unique"),
        (b"c", b"other", "read", "id not unique"),
    ]
    assert "the input has the id 'c' more than once" in failures[0].error


def test_the_same_document_is_taken_whatever_it_is_read_with(tmp_path: Path) -> None:
    documents = prepare()
    selection = read_selection(write_selection(tmp_path, documents))
    second_only, failures = select_documents(documents.slice(2, 1), selection)
    assert second_only.num_rows == 0 and failures == []
    first_only, _ = select_documents(documents.slice(1, 1), selection)
    assert first_only["id"].to_pylist() == [b"b"]


def test_a_document_that_changed_since_is_left_to_the_next_run(tmp_path: Path) -> None:
    selection = read_selection(write_selection(tmp_path, prepare()))
    chosen, failures = select_documents(prepare(texts=[(b"a", b"1 now"), (b"e", b"5")]), selection)
    assert chosen.num_rows == 0 and failures == []


def test_where_nothing_is_chosen(tmp_path: Path) -> None:
    for origins in (True, False):
        chosen, failures = select_documents(prepare(origins=origins), read_selection([]))
        assert chosen.num_rows == 0 and failures == [] and "origin" not in chosen.schema.names


def test_pickling(tmp_path: Path) -> None:
    documents = prepare()
    select = pickle.loads(pickle.dumps(make_select_documents(write_selection(tmp_path, documents))))._step
    select.setup()
    chosen, *failures = select.process(documents)
    assert chosen.num_rows == 2 and len(failures) == 2
