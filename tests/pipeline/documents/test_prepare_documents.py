"""`prepare_documents`: what reaches the transform graph, with which ids, and what fails before it."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from albert_embed.pipeline.documents.prepare_documents import make_prepare_documents, prepare_documents
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.transforms.steps.failure import Failure


def prepare(**columns: pa.Array) -> tuple[pa.RecordBatch, list[Failure]]:
    return prepare_documents(pa.RecordBatch.from_pydict(columns))


TEXT_TYPES = [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()]


@pytest.mark.parametrize("type_", TEXT_TYPES, ids=str)
def test_good_documents_pass(type_: pa.DataType) -> None:
    prepared, failures = prepare(
        text=pa.array(["é", "", " \t"], type_), id=pa.array(["a", "b", "c"]), year=pa.array([1, None, 3])
    )
    assert failures == []
    assert prepared.schema == pa.schema(
        [
            *(("text", pa.large_binary()), ("id", pa.binary()), ("year", pa.int64())),
            *(("text_start", pa.binary()), ("content_hash", pa.binary(16))),
        ]
    )
    assert prepared.drop_columns(["content_hash"]).to_pydict() == {
        "text": ["é".encode(), b"", b" \t"],
        "id": [b"a", b"b", b"c"],
        "year": [1, None, 3],
        "text_start": ["é".encode(), b"", b" \t"],
    }


def test_the_content_hash_is_of_texts_and_kept_columns_alone() -> None:
    def hashes(**columns: pa.Array) -> list[bytes]:
        prepared, _ = prepare(**columns)
        hashes: list[bytes] = prepared.column("content_hash").to_pylist()
        return hashes

    same = hashes(text=pa.array(["a", "b"]), id=pa.array(["1", "2"]), year=pa.array([1, None]))
    assert same == hashes(text=pa.array([b"a", b"b"]), id=pa.array([7, 8]), year=pa.array([1, None]))
    assert len(set(same)) == 2 and all(len(value) == 16 for value in same)
    assert hashes(text=pa.array(["a", "a"]), year=pa.array([1, 2])) != [same[0]] * 2
    pairs = hashes(text=pa.array(["a", "ab"]), pair=pa.array(["bc", "c"]))
    assert pairs[0] != pairs[1]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array(["x", None]), [b"x", content_id(b"two")]),
        (pa.array([b"\xff", None], pa.binary()), [b"\xff", content_id(b"two")]),
        (pa.array([-5, None], pa.int64()), [b"-5", content_id(b"two")]),
        (pa.array([5, 2**64 - 1], pa.uint64()), [b"5", b"18446744073709551615"]),
        (pa.array([None, None]), [content_id(b"one"), content_id(b"two")]),
        (pa.array(["x", "y"], pa.large_string()), [b"x", b"y"]),
        (None, [content_id(b"one"), content_id(b"two")]),
    ],
    ids=["string", "binary", "integer", "unsigned", "all null", "large", "no column"],
)
def test_ids(ids: pa.Array | None, expected: list[bytes]) -> None:
    columns = {"text": pa.array(["one", "two"])} | ({} if ids is None else {"id": ids})
    prepared, failures = prepare(**columns)
    assert failures == [] and prepared.column("id").to_pylist() == expected


def test_the_id_of_a_pair_is_of_both_texts() -> None:
    prepared, _ = prepare(text=pa.array(["a", "a"]), pair=pa.array(["b", "c"]))
    assert prepared.column("id").to_pylist() == [content_id(b"a", b"b"), content_id(b"a", b"c")]


def test_only_the_start_of_the_text_is_kept() -> None:
    prepared, _ = prepare(text=pa.array([b"x" * 199 + "é".encode(), b"y" * 500]))
    assert prepared.column("text_start").to_pylist() == [b"x" * 199 + b"\xc3", b"y" * 200]


def test_bad_rows_among_good_ones() -> None:
    texts = [b"good", b"caf\xe9 au lait", b"", None, b"\xff\xfe", b"last", b"\xed\xa0\x80"]
    prepared, failures = prepare(text=pa.array(texts, pa.binary()), id=pa.array(list("abcdefg")), n=pa.array(range(7)))
    assert prepared.select(["id", "text", "n"]).to_pydict() == {
        "id": [b"a", b"c", b"f"],
        "text": [b"good", b"", b"last"],
        "n": [0, 2, 5],
    }
    assert failures == [
        Failure(
            id=b"b",
            stage="preprocess",
            reason="invalid UTF-8",
            error="text is not UTF-8: byte 0xe9 at position 3 (invalid continuation byte); convert it to UTF-8",
            text=b"caf\xe9 au lait",
        ),
        Failure(id=b"d", stage="preprocess", reason="missing text", error="the column 'text' is null", text=b""),
        Failure(
            id=b"e",
            stage="preprocess",
            reason="invalid UTF-8",
            error="text is not UTF-8: byte 0xff at position 0 (invalid start byte); convert it to UTF-8",
            text=b"\xff\xfe",
        ),
        Failure(
            id=b"g",
            stage="preprocess",
            reason="invalid UTF-8",
            error="text is not UTF-8: byte 0xed at position 0 (invalid continuation byte); convert it to UTF-8",
            text=b"\xed\xa0\x80",
        ),
    ]


def test_either_text_of_a_pair_can_fail_and_once_only() -> None:
    prepared, failures = prepare(
        text=pa.array([b"a", b"\xff", b"\xff", b"ok"], pa.binary()),
        pair=pa.array([b"\xfe", b"b", None, b"ok"], pa.binary()),
        id=pa.array(list("wxyz")),
    )
    assert prepared.column("id").to_pylist() == [b"z"]
    assert sorted((failure.id, failure.reason, failure.error[:12]) for failure in failures) == [
        (b"w", "invalid UTF-8", "pair is not "),
        (b"x", "invalid UTF-8", "text is not "),
        (b"y", "invalid UTF-8", "text is not "),
    ]


@pytest.mark.parametrize("name", ["text", "pair"])
def test_a_word_that_is_too_long_fails(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("albert_embed.pipeline.documents.prepare_documents.MAX_WORD_BYTES", 10)
    texts = [b"x" * 10, b"many short words", b"a " + b"y" * 11, b"z" * 10 + b"\n" + b"z" * 10, b"w" * 11 + b"\xff"]
    columns = {other: pa.array([b"."] * 5, pa.binary()) for other in ("text", "pair")}
    prepared, failures = prepare(**columns | {name: pa.array(texts, pa.binary())}, id=pa.array(list("abcde")))
    assert prepared.column("id").to_pylist() == [b"a", b"b", b"d"]
    assert [(failure.id, failure.reason) for failure in failures] == [(b"c", "word too long"), (b"e", "invalid UTF-8")]
    assert failures[0].error == (
        f"{name} has a word of 11 bytes without a space, more than the 10 that are tokenised; is it binary data? "
        "Put spaces into it, or leave it out"
    )


@pytest.mark.parametrize("count", [0, 2])
def test_when_nothing_is_good(count: int) -> None:
    prepared, failures = prepare(text=pa.array([None] * count, pa.string()))
    assert prepared.num_rows == 0 and len(failures) == count


def test_a_column_of_nothing_but_nulls() -> None:
    prepared, failures = prepare(text=pa.array([None, None]))
    assert prepared.num_rows == 0 and [failure.reason for failure in failures] == ["missing text"] * 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"body": pa.array(["x"])}, r"^documents need a column 'text'; these have \['body'\]$"),
        ({"text": pa.array([5])}, r"^the column 'text' is int64; it must be text"),
        ({"text": pa.array(["x"]), "pair": pa.array([[1]])}, r"^the column 'pair' is list<.*>; it must be text"),
        ({"text": pa.array(["x"]), "id": pa.array([1.5])}, r"^the column 'id' is double; it must be text or integers"),
        ({"text": pa.array(["x"]), "id": pa.array([True])}, r"^the column 'id' is bool; it must be text or integers"),
    ],
    ids=["no text", "text", "pair", "float id", "boolean id"],
)
def test_columns_of_the_wrong_type(columns: dict[str, pa.Array], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare(**columns)


def test_the_step_after_pickling() -> None:
    batch = pa.RecordBatch.from_pydict({"text": pa.array([b"good", b"\xff"], pa.binary())})
    step = pickle.loads(pickle.dumps(make_prepare_documents()))._step
    good, failed = list(step.process(batch))
    assert good.column("text").to_pylist() == [b"good"]
    assert failed.tag == "failures" and failed.value.category == "preprocess: invalid UTF-8"


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("text in UTF-16".encode("utf-16-le"), True),
        (b"\0" * 100, True),
        (b"text" + b"\0" * 4, True),
        (b"one stray \0 in a text", False),
        (b"", False),
    ],
)
def test_texts_of_nul_bytes_are_none(text: bytes, fails: bool) -> None:
    good = {"id": [b"a", b"b"], "text": pa.array([b"good", text], pa.large_binary())}
    prepared, failures = prepare_documents(pa.RecordBatch.from_pydict(good))
    assert prepared.num_rows == 2 - fails
    assert [(failure.id, failure.reason) for failure in failures] == [(b"b", "binary content")] * fails
