"""A record that is no document fails under its own id, where it has one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.field_type import FieldType
from tests.pipeline.embed_command import embed_command

FILE = "corpus.parquet"


def fail(fields: RecordFields, columns: dict[str, Any]) -> list[tuple[bytes, str]]:
    count = len(next(iter(columns.values())))
    records = Records(file=FILE, unit="row", positions=range(count), columns=columns)
    _, failures = make_documents(records, fields)
    return [(failure.id, failure.reason) for failure in failures]


def hash_place(row: int) -> bytes:
    return content_id(FILE.encode(), f"row {row}".encode())


@pytest.mark.parametrize("ids", [["a", "ü", None], pa.array(["a", "ü", None]), pa.array([b"a", "ü".encode(), None])])
def test_the_id_of_a_failure_is_that_of_its_record(ids: Any) -> None:
    found = fail(RecordFields(), {"id": ids, "text": pa.array([None, None, None], pa.string())})
    assert found == [(b"a", "missing field"), ("ü".encode(), "missing field"), (hash_place(2), "missing field")]


def test_whatever_is_wrong_with_it() -> None:
    fields = RecordFields(id="key", id_required=True, pair="pair", kept={"year": FieldType.parse("int64")})
    columns = {
        "key": [1, 2, 3, 4, None, 1.5, b""],
        "text": [7, "t", "t", "t", None, 7, None],
        "pair": ["p", "\ud800", "p", b"\xff", "p", "p", "p"],
        "year": [1, 2, "3rd", 4, 5, 6, 7],
    }
    assert fail(fields, columns) == [
        (b"1", "wrong type"),
        (b"2", "invalid Unicode"),
        (b"3", "wrong type"),
        (b"4", "invalid UTF-8"),
        (hash_place(4), "missing field"),
        (hash_place(5), "wrong type"),
        (b"", "missing field"),  # an empty id is one, too
    ]


@pytest.mark.integration
def test_so_in_the_failures_output(tmp_path: Path, tiny_model: Path) -> None:
    records = [{"id": "one", "text": "a text"}, {"id": 2, "text": 5}, {"id": "three"}, {"text": None}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    output = tmp_path / "out"
    assert main(embed_command(tiny_model, tmp_path / "in.jsonl", str(output))) == 0
    (file,) = (output / "_failures").iterdir()
    found = {failure["id"]: failure["reason"] for failure in map(json.loads, file.read_text().splitlines())}
    hashed = content_id(json.dumps(records[3]).encode()).decode()
    assert found == {"2": "wrong type", "three": "missing field", hashed: "missing field"}
