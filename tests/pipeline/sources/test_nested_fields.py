"""Fields of fields, and values in the names of folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.embed.resolve_input import resolve_input
from albert_embed.pipeline.records.nested_fields import find_value
from albert_embed.pipeline.records.partitions import find_partitions
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.registry import SOURCES
from tests.pipeline.sources.test_sources import read

RECORDS: list[dict[str, Any]] = [
    {"doc": {"text": "one", "meta": {"year": 1999}}, "a.b": "literal", "a": {"b": "nested"}},
    {"doc": {"text": "two", "meta": None}, "a.b": None, "a": {"b": "nested"}},
    {"doc": None, "a.b": "x", "a": None},
]
_STRUCT = pa.struct({"b": pa.string()})
_DOC = pa.struct({"text": pa.string(), "meta": pa.struct({"year": pa.int64()})})


def make_record(name: str, **fields: Any) -> Any:
    described = [{"name": field, "type": ["null", type_]} for field, type_ in fields.items()]
    return {"type": "record", "name": name, "fields": described}


def write_records(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(RECORDS, pa.schema({"doc": _DOC, "a.b": pa.string(), "a": _STRUCT})), path)
    elif path.suffix == ".avro":
        doc = make_record("Doc", text="string", meta=make_record("Meta", year="long"))
        with path.open("wb") as file:
            fastavro.writer(file, make_record("R", doc=doc, a=make_record("A", b="string")), RECORDS)
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))


@pytest.mark.parametrize("ending", ["parquet", "avro", "jsonl"])
def test_fields_by_dots(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write_records(path)
    given = EmbedOptions(
        model="m",
        input=(str(path),),
        output="o",
        text_field="doc.text",
        keep_fields=("doc.meta.year:int64", "a.b AS ab:string"),
    )
    options, _ = resolve_input(given)
    fields = RecordFields.of(options)
    documents, failures = read(path, SOURCES[ending], **vars(fields))
    found = [(document["text"], document["doc.meta.year"], document["ab"]) for document in documents]
    literal = [b"nested", b"nested"] if ending == "avro" else [b"literal", None]  # Avro's names have no dots
    assert found == [(b"one", 1999, literal[0]), (b"two", None, literal[1])]
    assert [reason for reason, _ in failures] == ["missing field"]


@pytest.mark.parametrize("ending", ["parquet", "avro"])
def test_types_and_names_of_nested_fields(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    write_records(path)
    options = EmbedOptions(model="m", input=(str(path),), output="o", text_field="doc.text")
    kept = EmbedOptions(**{**vars(options), "keep_fields": ("doc.meta.year",)})
    assert resolve_input(kept)[0].keep_fields == ("doc.meta.year:int64",)
    misspelt = EmbedOptions(**{**vars(options), "keep_fields": ("doc.meta.yaer",)})
    with pytest.raises(ValueError, match=r"no such field; is it 'doc\.meta\.year'\?"):
        resolve_input(misspelt)


def test_literal_names_come_first() -> None:
    assert find_value({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert find_value({"a.b": {"c": 1}, "a": {"x": 2}}, "a.b.c") is None
    assert find_value({"a.b": {"c": 1}}, "a.b.c") == 1
    assert find_value({"a": "text"}, "a.b") is None


def test_names_of_folders() -> None:
    found = find_partitions("gs://b/lang=en/y=__HIVE_DEFAULT_PARTITION__/q=a%2Fb%3Dc/=x/plain/file=1.csv")
    assert found == {"lang": "en", "y": None, "q": "a/b=c"}


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_values_of_folders_are_fields(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "lang=en" / "year=2024" / f"a.{ending}"
    write_records(path)
    given = EmbedOptions(
        model="m",
        input=(str(path),),
        output="o",
        text_field="doc.text",
        keep_fields=("lang", "year:int64"),
    )
    options, _ = resolve_input(given)
    documents, _ = read(path, SOURCES[ending], **vars(RecordFields.of(options)))
    assert [(document["lang"], document["year"]) for document in documents] == [(b"en", 2024)] * 2


def test_a_field_of_the_file_comes_before_one_of_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "lang=en" / "a.jsonl"
    path.parent.mkdir()
    path.write_text('{"text": "a", "lang": "de"}\n{"text": "b"}\n')
    options = EmbedOptions(model="m", input=(str(path),), output="o", keep_fields=("lang",))
    documents, _ = read(path, SOURCES["jsonl"], **vars(RecordFields.of(options)))
    assert [document["lang"] for document in documents] == [b"de", b"en"]
