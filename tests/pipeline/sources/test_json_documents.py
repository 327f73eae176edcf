"""JSON files: arrays of objects, and one object per file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.sources.registry import SOURCES, guess_by_content


def read(path: Path, content: bytes) -> tuple[list[Any], list[tuple[str, str]]]:
    """Returns id and text of each document, and reason and error of each failure without the path."""
    path.write_bytes(content)
    documents: list[Any] = []
    failures = []
    for found in read_range(FileRange(path=str(path), name=path.name), SOURCES["json"], RecordFields()):
        if isinstance(found, Records):
            assert found.unit == "record"
            batch, failed = make_documents(found, RecordFields())
            documents += [(row["id"], row["text"]) for row in batch.to_pylist()]
            failures += failed
        else:
            failures.append(found)
    return documents, [(failure.reason, failure.error.removeprefix(str(path))) for failure in failures]


def test_an_array(tmp_path: Path) -> None:
    content = b'[\n {"id": 1,\n  "text": "one"}, {"id": "b", "text": "two"}\n]\n'
    assert read(tmp_path / "a.json", content) == ([(b"1", b"one"), (b"b", b"two")], [])


def test_one_object(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", b'{\n  "text": "one"\n}\n') == ([(content_id(b"one"), b"one")], [])


def test_a_bad_record_costs_that_record(tmp_path: Path) -> None:
    content = b'[{"id": 1, "text": "a"}, 5, {"id": 2, "text" "b"}, '
    content += b'{"id": 3, "text": "\xe9"}, {"id": 4}, {"id": 5, "text": "e"}]'
    documents, failures = read(tmp_path / "a.json", content)
    assert documents == [(b"1", b"a"), (b"5", b"e")]
    assert sorted((reason, error.split(":")[0]) for reason, error in failures) == [
        ("invalid JSON", ", record 1"),
        ("invalid JSON", ", record 2"),
        ("invalid UTF-8", ", record 3"),
        ("missing field", ", record 4"),
    ]


def test_a_broken_array_costs_what_stands_behind_the_break(tmp_path: Path) -> None:
    documents, failures = read(tmp_path / "a.json", b'[{"id": 1, "text": "a"}, {"id": 2, "text": "b"}, {"id": 3, "te')
    assert documents == [(b"1", b"a"), (b"2", b"b")]
    assert failures == [
        (
            "broken file",
            ": can't be read after 2 records: BrokenFileError: record 2, at byte 49: the file ends within it, or a "
            "quote is missing in it",
        )
    ]


@pytest.mark.parametrize(
    ("start", "unnamed", "named"),
    [
        (b'[{"text": "x"}]', "json", "json"),
        (b'\xef\xbb\xbf [\n {\n "te\\"xt" :', "json", "json"),
        (b"[]", "json", "json"),
        (b"[{}]", "json", "json"),
        (b'{\n  "text": "x"\n}', "json", "json"),
        (b'{"text": "x",\n "id": 1}', "json", "json"),
        (b'{"text": "x"}\n', "jsonl", "jsonl"),
        (b'{"text": "x"\n{"text": "y"}\n', "text", "jsonl"),
        (b"[1] A reference", "text", "json"),
        (b"[x], and\n", "text", "json"),
        (b"{\n  int x;\n}", "text", "jsonl"),
        (b"{x: 1,\n", "text", "jsonl"),
        (b"text", "text", "jsonl"),
        (b"", "text", "jsonl"),
    ],
)
def test_how_json_is_recognised(start: bytes, unnamed: str, named: str) -> None:
    assert guess_by_content("part-0", start).name == unnamed
    assert guess_by_content("d/A.JSON", start).name == named
