"""Where documents stood: the same in every reading, different from each other."""

from __future__ import annotations

import pyarrow as pa

from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.records.origins import make_origins
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records


def make_lines(file: str, lines: dict[int, bytes]) -> pa.RecordBatch:
    """The documents of these lines."""
    texts = pa.array(lines.values(), pa.large_binary())
    records = Records(file=file, unit="byte", positions=list(lines), columns={"text": texts})
    return make_documents(records, RecordFields())[0]


def test_origins_never_change() -> None:
    first = make_origins("a.txt", [0])[0].as_py()
    assert make_origins("a.txt", [0, 3]).to_pylist() == [first, first + 3]
    assert make_origins("a.txt", []).to_pylist() == [] and make_origins("a.txt", []).type == pa.uint64()
    assert make_origins("b.txt", [0])[0].as_py() not in (first, first + 3)
    assert make_origins("a table", ["row of key 1", "row of key 2"]).to_pylist() == [None, None]
    assert len(set(make_origins("a.txt", range(1000)).to_pylist())) == 1000


def test_a_line_has_the_same_origin_whatever_was_read_with_it() -> None:
    whole = make_lines("a.txt", {0: b"x", 2: b"\xff", 4: b"x", 6: b"x"})
    rest = make_lines("a.txt", {4: b"x", 6: b"x"})
    assert whole["origin"].to_pylist() == make_origins("a.txt", [0, 4, 6]).to_pylist()
    assert rest["origin"].to_pylist() == make_origins("a.txt", [4, 6]).to_pylist()


def test_records_that_fail_leave_the_others_their_origins() -> None:
    records = Records(file="a.csv", unit="line", positions=[2, 3, 7], columns={"text": ["x", None, "x"]})
    documents, failures = make_documents(records, RecordFields())
    assert len(failures) == 1 and documents["origin"].to_pylist() == make_origins("a.csv", [2, 7]).to_pylist()
