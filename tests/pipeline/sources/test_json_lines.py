"""Lines to documents: ids, and a failure with its reason for every line that holds none."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import pytest

from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.sources.source import Source
from albert_embed.transforms.steps.failure import Failure


def parse(
    *lines: bytes, source: Source = SOURCES["jsonl"], **fields: Any
) -> tuple[list[dict[str, Any]], list[Failure]]:
    """The documents and failures of a file with these lines."""
    wanted = RecordFields(**fields)
    documents: list[dict[str, Any]] = []
    failures: list[Failure] = []
    for found in source.read(io.BytesIO(b"\n".join(lines)), FileRange(path="f.jsonl", name="f.jsonl"), wanted):
        if isinstance(found, Failure):
            failures.append(found)
            continue
        made, failed = make_documents(found, wanted)
        failures += failed
        documents += made.drop_columns(["input_position"]).to_pylist()
    for failure in failures:
        json.loads(failure.to_json().encode())  # whatever the line holds, its failure can be written
    return documents, failures


def test_the_hash_of_a_content_never_changes() -> None:
    assert content_id(b"Hello, world") == b"b4f906bfeee7636eb963a80c81114cbd"
    assert content_id(b"") == b"c804ce198ec337e3dc762bdd1a09aece"
    assert content_id(b"a", b"bc") == b"f657d58ed59382298356d21c95353a31"


def test_contents_are_told_apart() -> None:
    contents = [(b"",), (b"", b""), (b"ab",), (b"a", b"b"), (b"", b"ab"), (b"ab", b""), (b"abc",), (b"a", b"bc")]
    assert len({content_id(*content) for content in contents}) == len(contents)


def test_every_line_of_text_is_a_document() -> None:
    documents, failures = parse(b"one", b"", b"  ", b"\xff", b"one", source=SOURCES["text"])
    assert documents == [{"id": content_id(text), "text": text} for text in (b"one", b"", b"  ", b"one")]
    (failure,) = failures
    assert (failure.id, failure.stage, failure.reason, failure.text) == (
        content_id(b"\xff"),
        "read",
        "invalid UTF-8",
        b"\xff",
    )
    assert failure.error.startswith("f.jsonl, byte 8: text is not UTF-8: byte 0xff at position 0")


def test_json_lines() -> None:
    documents, failures = parse(
        b'{"id": "a", "text": "one", "other": [1]}',
        b'{"text": "\\u00e9\\n\\ud83d\\ude00", "id": 7}',
        b'  {"text": ""}\r',
    )
    assert failures == []
    assert documents == [
        {"id": b"a", "text": b"one"},
        {"id": b"7", "text": "é\n😀".encode()},
        {"id": content_id(b""), "text": b""},
    ]


@pytest.mark.parametrize(
    ("value", "expected"), [("-3", b"-3"), ("0", b"0"), (str(2**70), b"1180591620717411303424"), ('""', b"")]
)
def test_integer_and_odd_ids(value: str, expected: bytes) -> None:
    documents, _ = parse(f'{{"text": "x", "id": {value}}}'.encode())
    assert documents == [{"id": expected, "text": b"x"}]


@pytest.mark.parametrize("line", [b'{"text": "x"}', b'{"text": "x", "id": null}'])
def test_an_id_that_is_missing(line: bytes) -> None:
    assert parse(line) == ([{"id": content_id(b"x"), "text": b"x"}], [])
    documents, failures = parse(line, id_required=True)
    assert documents == []
    assert [(failure.reason, failure.error) for failure in failures] == [
        ("missing field", "f.jsonl, byte 0: the id field 'id' is missing or null")
    ]


def test_other_fields() -> None:
    documents, failures = parse(
        b'{"body": "a", "title": "b", "key": 1}', b'{"body": "a", "key": 2}', text="body", pair="title", id="key"
    )
    assert documents == [{"id": b"1", "text": b"a", "pair": b"b"}]
    assert failures[0].error == "f.jsonl, byte 38: the field 'title' is missing or null; the fields are: body, key"


def test_the_id_of_a_pair_is_of_both_texts() -> None:
    documents, _ = parse(b'{"text": "a", "p": "b"}', b'{"text": "a", "p": "c"}', pair="p")
    assert [document["id"] for document in documents] == [content_id(b"a", b"b"), content_id(b"a", b"c")]


def test_blank_lines_are_no_records() -> None:
    assert parse(b"", b"  \t", b"\r") == ([], [])


BAD = [
    (b'{"text": "caf\xe9"}', "invalid UTF-8", "not UTF-8: 'utf-8' codec can't decode byte 0xe9"),
    (b'{"text": "\xed\xa0\x80"}', "invalid UTF-8", "not UTF-8: "),
    ('{"text": "x"}'.encode("utf-16"), "invalid UTF-8", "not UTF-8: "),
    (b'{"text": "x"', "invalid JSON", "not a JSON object: Expecting ',' delimiter"),
    (b"text", "invalid JSON", "not a JSON object: Expecting value"),
    (b'{"text": "x", "text": "y"}', "invalid JSON", "the object has the field 'text' twice, and one alone"),
    (b'{"id": 1, "text": "x", "id": 1}', "invalid JSON", "the object has the field 'id' twice, and one alone"),
    (b'{"text": "x"} {}', "invalid JSON", "not a JSON object: Extra data"),
    (b'["x"]', "invalid JSON", "not a JSON object: list ['x']"),
    (b"null", "invalid JSON", "not a JSON object: NoneType None"),
    (b"[" * 100_000, "invalid JSON", "not a JSON object: maximum recursion depth exceeded"),
    (b'{"id": ' + b"1" * 5000 + b', "text": "x"}', "invalid JSON", "not a JSON object: Exceeds the limit"),
    (b'{"txt": "x", "id": 1}', "missing field", "the field 'text' is missing or null; the fields are: id, txt"),
    (b"{}", "missing field", "the field 'text' is missing or null; the fields are: none"),
    (b'{"text": null}', "missing field", "the field 'text' is missing or null; the fields are: text"),
    (b'{"\\ud800": 1}', "missing field", "the fields are: \\ud800"),
    (b'{"text": 5}', "wrong type", "the field 'text' must be a string, not int 5"),
    (b'{"text": ["x"]}', "wrong type", "the field 'text' must be a string, not list ['x']"),
    (b'{"text": NaN}', "wrong type", "the field 'text' must be a string, not float nan"),
    (b'{"text": "x", "id": 1.5}', "wrong type", "the id field 'id' must be a string or an integer, not float 1.5"),
    (b'{"text": "x", "id": true}', "wrong type", "the id field 'id' must be a string or an integer, not bool True"),
    (b'{"text": "x", "id": {}}', "wrong type", "the id field 'id' must be a string or an integer, not dict {}"),
    (b'{"text": "\\ud800x"}', "invalid Unicode", "the field 'text' holds half of a surrogate pair"),
    (b'{"text": "x", "id": "\\udfff"}', "invalid Unicode", "the field 'id' holds half of a surrogate pair"),
]


@pytest.mark.parametrize(("line", "reason", "error"), BAD, ids=[str(line[:25]) for line, _, _ in BAD])
def test_a_bad_line_fails_with_its_reason(line: bytes, reason: str, error: str) -> None:
    documents, (failure,) = parse(b'{"text": "good", "id": "g1"}', line, b'{"text": "good", "id": "g2"}')
    assert [document["id"] for document in documents] == [b"g1", b"g2"]
    own_id = b"1" if line == b'{"txt": "x", "id": 1}' else None
    assert (failure.id, failure.stage, failure.reason) == (own_id or content_id(line), "read", reason)
    assert failure.error.startswith("f.jsonl, byte 29: ") and error in failure.error
    assert failure.text == line[:200] and failure.window is None


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("text", "te\\u0078t"),
        ("text", "\\u0074ext"),
        ("título", "t\\u00EDtulo"),
        ("a/b", "a\\/b"),
        ('a"b', "a\\u0022b"),
    ],
)
def test_a_field_is_there_twice_however_its_name_is_written(name: str, other: str) -> None:
    written = name.replace('"', '\\"')
    line = f'{{"{written}": "one", "{other}": "two"}}'.encode()
    documents, (failure,) = parse(line, f'{{"{other}": "three", "more": "\\u003c"}}'.encode(), text=name)
    assert [document["text"] for document in documents] == [b"three"]
    assert failure.error.endswith(f"the object has the field {name!r} twice, and one alone can be meant")


@pytest.mark.parametrize("format_", ["jsonl", "json"])
@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1E+99999", b"1" * 310 + b".0"])
@pytest.mark.parametrize("field", ["score", "scores", "meta.score", "count", "title", "key"])
def test_a_number_that_would_become_infinite_is_of_no_type(field: str, number: bytes, format_: str) -> None:
    kept = parse_kept_fields(
        ("score:float", "scores:float[]", "meta.score:float", "count:int64", "title:string", "key:string")
    )
    value = b"[0.5, %s]" % number if field == "scores" else number
    name = field.removeprefix("meta.").encode()
    record = b'"meta": {"%s": %s}' % (name, value) if "." in field else b'"%s": %s' % (name, value)
    documents, (failure,) = parse(
        b'{"id": 1, "text": "a", "other": %s}' % number,  # in a field that nobody wants it is as good as any
        b'{"id": 2, "text": "b", %s}' % record,
        source=SOURCES[format_],
        kept=kept,
    )
    assert [document["id"] for document in documents] == [b"1"]
    wanted = kept[field].value.name
    assert (failure.reason, f"HugeNumber {number.decode()[:80]}, which is not of type {wanted}" in failure.error) == (
        "wrong type",
        True,
    )


def test_a_huge_number_is_neither_text_nor_id_and_infinity_is_itself() -> None:
    documents, failures = parse(
        b'{"id": 1e400, "text": "a"}',
        b'{"id": 1, "text": 1e400}',
        b'{"id": 2, "text": "b", "score": Infinity}',
        b'{"id": 3, "text": "b", "score": -Infinity}',
        kept=parse_kept_fields(("score:float",)),
    )
    assert [failure.error.split(": ", 1)[1] for failure in failures] == [
        "the id field 'id' must be a string or an integer, not HugeNumber 1e400",
        "the field 'text' must be a string, not HugeNumber 1e400",
    ]
    assert [(document["id"], document["score"]) for document in documents] == [(b"2", math.inf), (b"3", -math.inf)]


def test_no_depth_of_nesting_breaks_the_reader() -> None:
    """Python reads a little deeper than it writes, so that naming a value can fail where reading it did not."""
    for depth in range(900, 1010):
        nested = b"[" * depth + b"]" * depth
        _, failures = parse(nested, b'{"text": ' + nested + b"}")
        assert len(failures) == 2


def test_fields_within_fields_that_are_there_twice() -> None:
    kept = parse_kept_fields(("a.b",))
    documents, failures = parse(
        b'{"text": "x", "a": {"b": "1"}, "more": [{"text": "y", "b": 2}, {"text": "z", "b": 3}], "c": "text"}',
        b'{"text": "x", "a": {"b": "1", "b": "2"}}',
        b'{"text": "x", "a": {"b": "1"}, "a": {}}',
        b'{"text": "x", "a.b": "1", "a.b": "2"}',
        b'{"text": "x", "a.b": "1", "a": {"b": "2", "b": "3"}}',
        b'{"text": "x", "other": 1, "other": 2, "inner": {"text": 1, "text": 2}}',
        b'{"text": "x", "a": [{"b": 1, "b": 2}], "b": 1, "b": 2}',
        kept=kept,
    )
    assert [document["a.b"] for document in documents] == [b"1", b"1", None, None]
    assert [failure.error.split("has ")[1] for failure in failures] == [
        "the field 'a.b' twice, and one alone can be meant"
    ] * 3
