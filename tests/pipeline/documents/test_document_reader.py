"""Parts of the input as prepared documents, each with its place, the same in each reading."""

from __future__ import annotations

import pickle

import pyarrow as pa

from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.transforms.steps.failure import Failure
from tests.pipeline.reading.made_input import MadePart, MadeReader, make_reader

TEXTS = [("a", "1"), ("b", "\ud800"), ("c", "3"), ("d", "4"), ("e", "5")]


def test_documents_have_places_whatever_fails_beside_them() -> None:
    found = list(make_reader({"x": TEXTS}, broken=("x",)).read(MadePart("x")))
    failures = [one for one in found if isinstance(one, Failure)]
    documents = pa.Table.from_batches([one for one in found if not isinstance(one, Failure)])
    assert [failure.reason for failure in failures] == ["invalid Unicode", "broken file"]
    assert documents["id"].to_pylist() == [b"a", b"c", b"d", b"e"]
    assert documents["input_position"].to_pylist() == [0, 2, 3, 4]
    assert set(documents["input_range"].to_pylist()) == {MadePart("x").key}
    assert {"content_hash", "text_start"} < set(documents.schema.names)


def test_a_place_is_no_part_of_the_content() -> None:
    hashes = {
        row["content_hash"]
        for texts in ([("a", "1")], [("b", "2"), ("a", "1")])
        for batch in make_reader({"x": texts}).read(MadePart("x"))
        for row in batch.to_pylist()  # type: ignore[union-attr]
        if row["id"] == b"a"
    }
    assert len(hashes) == 1


def test_bytes_that_a_sink_can_not_hold_are_failures_at_their_places() -> None:
    reader = DocumentReader(
        records=MadeReader({"x": [("a", "1"), ("b", "2"), ("c", "3")]}), fields=RecordFields(), texts=("id",)
    )
    reader.records.texts["x"][1:2] = [(b"\xff", "2")]  # type: ignore[attr-defined]
    found = list(pickle.loads(pickle.dumps(reader)).read(MadePart("x")))
    assert [one.reason for one in found if isinstance(one, Failure)] == ["invalid UTF-8"]
    documents = pa.Table.from_batches([one for one in found if not isinstance(one, Failure)])
    assert documents["input_position"].to_pylist() == [0, 2]


def test_each_range_of_a_file_has_a_key_of_its_own() -> None:
    ranges = [
        FileRange(path=path, name="n", start=start, stop=stop) for path in "ab" for start, stop in ((0, 9), (9, None))
    ]
    assert len({range_.key for range_ in ranges}) == 4 and all(len(range_.key) == 16 for range_ in ranges)
    assert FileRange(path="a", name="other", start=0, stop=9).key == ranges[0].key
    assert FileRange(path="\udcff", name="n").key
