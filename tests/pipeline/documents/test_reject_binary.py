"""What is no text does not reach sinks whose strings are text, and is not lost either."""

from __future__ import annotations

import pyarrow as pa

from albert_embed.pipeline.documents.reject_binary import reject_binary


def make_documents(ids: list[bytes], tags: list[list[bytes] | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array(ids, pa.binary()),
            "text": pa.array([b"text"] * len(ids), pa.large_binary()),
            "tags": pa.array(tags, pa.large_list(pa.binary())),
            "year": pa.array([1] * len(ids)),
        }
    )


NAMES = ("id", "tags", "year")


def test_text_is_passed_on() -> None:
    documents = make_documents(["é".encode(), b""], [[b"a"], None])
    accepted, failures = reject_binary(documents, NAMES)
    assert accepted is documents and failures == []


def test_what_is_none_is_a_failure() -> None:
    documents = make_documents([b"a", b"\xff", b"c", b"d"], [[b"x"], [b"\xfe"], [b"ok", b"\xfe"], []])
    accepted, failures = reject_binary(documents, NAMES)
    assert accepted.column("id").to_pylist() == [b"a", b"d"]
    assert [(failure.id, failure.stage, failure.reason, failure.text) for failure in failures] == [
        (name, "preprocess", "invalid UTF-8", b"text") for name in (b"\xff", b"c")
    ]
    assert [failure.error for failure in failures] == [
        f"the field {what}, which is not UTF-8, as strings in Parquet and BigQuery must be; write it as hexadecimal "
        "digits, or leave those out of --sink"
        for what in ("'id' is b'\\xff'", "'tags' is [b'ok', b'\\xfe']")
    ]
