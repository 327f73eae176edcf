"""What a typed format calls a string is not taken at its word: one that is not UTF-8 costs its record."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.transforms.steps.failure import Failure
from tests.pipeline.sources.test_sources import read

FIELDS = ("id", "text", "title", "tags")
BAD = "caf\udce9"  # "é" in latin-1


def write_parquet(path: Path, records: list[dict[str, Any]]) -> None:
    def call_string(values: list[str]) -> pa.Array:
        found = [value.encode("utf-8", "surrogateescape") for value in values]
        return pa.array(found, pa.large_binary()).cast(pa.large_string(), safe=False)

    columns = {name: call_string([record[name] for record in records]) for name in FIELDS[:-1]}
    tags = call_string([record["tags"][0] for record in records])
    columns["tags"] = pa.LargeListArray.from_arrays(list(range(len(records) + 1)), tags)
    pq.write_table(pa.table(columns), path)


def write_avro(path: Path, records: list[dict[str, Any]]) -> None:
    """The records with "X" for the bad byte, which is then put there."""
    tags = {"type": "array", "items": "string"}
    schema = {"type": "record", "name": "R", "fields": [{"name": name, "type": "string"} for name in FIELDS[:-1]]}
    schema["fields"].append({"name": "tags", "type": tags})  # type: ignore[attr-defined]
    content = io.BytesIO()
    fastavro.writer(content, schema, [{**record} for record in _replace(records)])
    path.write_bytes(content.getvalue().replace(b"cafX", b"caf\xe9"))


def _replace(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(BAD, "cafX")
    if isinstance(value, list):
        return [_replace(item) for item in value]
    return {name: _replace(item) for name, item in value.items()}


@pytest.mark.parametrize("format_", ["parquet", "avro"])
@pytest.mark.parametrize("bad", FIELDS)
def test_the_record_fails_alone(tmp_path: Path, format_: str, bad: str) -> None:
    records = [{"id": str(n), "text": f"text {n}", "title": "é", "tags": ["a"]} for n in range(4)]
    records[1][bad] = [BAD] if bad == "tags" else BAD
    path = tmp_path / f"a.{format_}"
    (write_parquet if format_ == "parquet" else write_avro)(path, records)
    kept = parse_kept_fields(("title:string", "tags:string[]"))
    documents, failures = read(path, SOURCES[format_], kept=kept)
    assert [document["id"] for document in documents] == [b"0", b"2", b"3"]
    assert documents[0]["title"] == "é".encode() and documents[0]["tags"] == [b"a"]
    ((reason, error),) = failures
    assert reason == "invalid UTF-8" and error.startswith(f", {'row' if format_ == 'parquet' else 'record'} 1: ")
    if not (format_ == "parquet" and bad == "text"):  # whose check shows the byte
        assert f"the field {bad!r} is a string by its type, but not UTF-8" in error


@pytest.mark.parametrize("type_", [pa.string(), pa.string_view(), pa.large_string()], ids=str)
def test_every_type_of_string(type_: pa.DataType) -> None:
    column = pa.array([b"a", b"\xff", None], pa.large_binary()).cast(pa.large_string(), safe=False).cast(type_)
    texts = pa.array(["x", "y", "z"])
    records = Records(file="f", unit="row", positions=range(3), columns={"text": texts, "id": texts, "title": column})
    documents, failures = make_documents(records, RecordFields(kept=parse_kept_fields(("title:string",))))
    assert documents.column("title").to_pylist() == [b"a", None]
    assert [isinstance(failure, Failure) and failure.reason for failure in failures] == ["invalid UTF-8"]


def test_a_value_that_python_does_not_have_costs_its_record() -> None:
    """Such as a string within a struct, or a duration of more than some million years."""
    names = pa.array([b"caf\xe9", b"b"]).cast(pa.string(), safe=False)
    columns = {
        "text": pa.array(["one", "two"]),
        "id": pa.StructArray.from_arrays([names], ["name"]),
        "age": pa.array([2**62, None], pa.duration("s")),
    }
    for id_, expected in {
        "id": [
            ("invalid UTF-8", "the field 'id' is a string by"),
            ("wrong type", "the id field 'id' must be a string or"),
        ],
        "age": [("wrong type", "the field 'age' is duration[s], and out of its range: ")],
    }.items():
        records = Records(file="f", unit="row", positions=[0, 1], columns=columns)
        _, failures = make_documents(records, RecordFields(id=id_))
        found = [(failure.reason, failure.error.partition(": ")[2]) for failure in failures]
        assert [reason for reason, _ in found] == [reason for reason, _ in expected]
        assert all(error.startswith(start) for (_, error), (_, start) in zip(found, expected, strict=True))
