"""The types of kept fields: what Parquet and Avro files say of their own columns."""

from __future__ import annotations

import datetime
import decimal
import uuid
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.embed.read_input import resolve_input
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.avro_records import name_avro_type
from albert_embed.pipeline.sources.parquet_records import name_arrow_type
from albert_embed.pipeline.sources.registry import SOURCES
from tests.pipeline.sources.test_sources import read


def add_types(pattern: str, *keep_fields: str) -> tuple[str, ...]:
    options = EmbedOptions(model="m", input=(pattern,), output="o", keep_fields=keep_fields)
    return resolve_input(options)[0].keep_fields


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (pa.string(), "string"),
        (pa.large_binary(), "string"),
        (pa.dictionary(pa.int32(), pa.string()), "string"),
        (pa.uint8(), "int64"),
        (pa.bool_(), "int64"),
        (pa.float64(), "float"),
        (pa.list_(pa.int32()), "int64[]"),
        (pa.large_list(pa.string()), "string[]"),
        (pa.string_view(), "string"),
        (pa.binary_view(), "string"),
        (pa.dictionary(pa.uint8(), pa.large_string()), "string"),
        (pa.date32(), "string"),
        (pa.time64("us"), "string"),
        (pa.timestamp("ns", "UTC"), "string"),
        (pa.list_(pa.date64()), "string[]"),
        (pa.decimal128(9, 2), "string"),
        (pa.uuid(), "string"),
        (pa.null(), "?null"),
        (pa.duration("s"), "?duration[s]"),
        (pa.list_(pa.list_(pa.int64())), "?list<item: list<item: int64>>"),
    ],
    ids=str,
)
def test_arrow_types(type_: pa.DataType, kind: str) -> None:
    assert name_arrow_type(type_) == kind


def test_avro_types() -> None:
    assert name_avro_type(["null", "long"]) == "int64"
    assert name_avro_type({"type": "array", "items": "double"}) == "float[]"
    assert name_avro_type({"type": "enum", "name": "e", "symbols": ["A"]}) == "string"
    assert name_avro_type({"type": "string"}) == "string"
    assert name_avro_type({"type": "int", "logicalType": "date"}) == "string"
    assert name_avro_type(["long", "string"]) == "?['long', 'string']"
    assert name_avro_type({"type": "map", "values": "long"}) == "?map"


def write_parquet(path: Path) -> None:
    days = pa.array([[1], [2]], pa.list_(pa.duration("s")))
    table = pa.table({"text": ["one", "two"], "n": pa.array([1, None], pa.int32()), "day": days})
    pq.write_table(table.append_column("scores", pa.array([[0.5], []], pa.list_(pa.float64()))), path)


def test_only_what_has_no_type_is_looked_up(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet")
    pattern = str(tmp_path / "*.parquet")
    assert add_types(pattern, "n", "scores") == ("n:int64", "scores:float[]")
    assert add_types(pattern, "n:string") == ("n:string",)
    with pytest.raises(ValueError, match=r"has 'm', but .*a\.parquet has no such field\. The fields are: day, n, sc"):
        add_types(pattern, "m")
    with pytest.raises(ValueError, match=r"has 'day', which is list<.*duration\[s\]> in .*a\.parquet; strings, "):
        add_types(pattern, "day")


def test_formats_without_types(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,n\n1,a,2\n")
    assert add_types(str(tmp_path / "a.csv"), "n") == ("n:string",)
    (tmp_path / "a.jsonl").write_text('{"text": "a", "n": 1}\n')
    assert add_types(str(tmp_path / "a.jsonl"), "n") == ("n",)


def test_cells_of_csv_are_the_numbers_that_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text,n,x\n1,a,2,0.5\n2,b,,\n3,c,4.5,1\n4,d,1_0,1\n")
    kept = RecordFields.of(
        EmbedOptions(model="m", input=("a",), output="o", keep_fields=("n:int64", "x:float", "id AS key:string"))
    )
    documents, failures = read(path, SOURCES["csv"], **vars(kept))
    assert [(document["n"], document["x"], document["key"]) for document in documents] == [
        (2, 0.5, b"1"),
        (None, None, b"2"),
    ]
    assert [reason for reason, _ in failures] == ["wrong type", "wrong type"]


def write_file(path: Path) -> Path:
    """Writes a file with the fields id, text and title, in the format that its name tells."""
    names = ("id", "text", "title")
    if path.suffix == ".csv":
        path.write_text("id,text,title\n1,a,b\n")
    elif path.suffix == ".parquet":
        pq.write_table(pa.table({name: ["a"] for name in names}), path)
    else:
        schema = {"type": "record", "name": "R", "fields": [{"name": name, "type": "string"} for name in names]}
        with path.open("wb") as file:
            fastavro.writer(file, schema, [dict.fromkeys(names, "a")])
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet", "avro"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_fields": ("tilte",)}, r"^--keep-fields has 'tilte', but .* no such field; is it 'title'\? The fields"),
        ({"keep_fields": ("tilte:string",)}, r"^--keep-fields has 'tilte', but .* no such field; is it 'title'\?"),
        ({"keep_fields": ("x AS y",)}, r"^--keep-fields has 'x', .* no such field\. The fields are: id, text, title$"),
        ({"text_field": "txt"}, r"^--text-field has 'txt', but .* has no such field; is it 'text'\?"),
        ({"id_field": "key"}, r"^--id-field has 'key', but .* has no such field\."),
        ({"pair_field": "test"}, r"^--pair-field has 'test', but .* has no such field; is it 'text'\?"),
    ],
)
def test_fields_that_the_file_does_not_have(tmp_path: Path, ending: str, options: dict[str, Any], message: str) -> None:
    path = write_file(tmp_path / f"a.{ending}")
    with pytest.raises(ValueError, match=message):
        resolve_input(EmbedOptions(model="m", input=(str(path),), output="o", **options))
    given = EmbedOptions(model="m", input=(str(path),), output="o", id_field="id", keep_fields=("title AS a",))
    assert resolve_input(given)[0].keep_fields == ("title AS a:string",)


def test_avro_files(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    fields = [{"name": "text", "type": "string"}, {"name": "n", "type": ["null", "int"]}]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "R", "fields": fields}, [{"text": "a", "n": 1}])
    assert add_types(str(path), "n") == ("n:int64",)
    path.write_bytes(b"broken")
    assert add_types(str(path), "n") == ("n",)  # the run says what is wrong with it


def keep(path: Path, *keep_fields: str) -> list[dict[str, Any]]:
    options = resolve_input(EmbedOptions(model="m", input=(str(path),), output="o", keep_fields=keep_fields))[0]
    documents, failures = read(path, SOURCES[path.suffix.removeprefix(".")], **vars(RecordFields.of(options)))
    assert failures == []
    return [{name: document[name] for name in options.kept_fields} for document in documents]


def test_values_of_parquet_that_are_kept_as_the_nearest_type(tmp_path: Path) -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    name = uuid.UUID(int=7)
    columns = {
        "text": pa.array(["a"]),
        "view": pa.array(["v"], pa.string_view()),
        "word": pa.array(["w"]).dictionary_encode().cast(pa.dictionary(pa.uint8(), pa.string())),
        "day": pa.array([moment.date()]),
        "days": pa.array([[moment.date()]], pa.list_(pa.date32())),
        "at": pa.array([1], pa.timestamp("ns")),
        "price": pa.array([decimal.Decimal("1.10")], pa.decimal128(9, 2)),
        "key": pa.array([name.bytes], pa.uuid()),
        "none": pa.nulls(1),
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    assert keep(path, *list(columns)[1:-1], "none:string", "price AS cost:float") == [
        {
            "view": b"v",
            "word": b"w",
            "day": b"2024-01-02",
            "days": [b"2024-01-02"],
            "at": b"1970-01-01 00:00:00.000000001",
            "price": b"1.10",
            "key": str(name).encode(),
            "none": None,
            "cost": pytest.approx(1.1),
        }
    ]
    with pytest.raises(ValueError, match=r"has 'none', which is null throughout .*; give it one, such as none:string$"):
        keep(path, "none")


def test_values_of_avro_that_are_kept_as_the_nearest_type(tmp_path: Path) -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    types = {
        "text": "string",
        "word": {"type": "enum", "name": "n.Word", "symbols": ["A"]},
        "other": ["null", "n.Word"],
        "day": {"type": "int", "logicalType": "date"},
        "at": {"type": "long", "logicalType": "timestamp-millis"},
        "price": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        "key": {"type": "string", "logicalType": "uuid"},
    }
    record = {"text": "a", "word": "A", "other": "A", "day": moment.date(), "at": moment}
    record |= {"price": decimal.Decimal("1.10"), "key": uuid.UUID(int=7)}
    path = tmp_path / "a.avro"
    schema = {"type": "record", "name": "R", "fields": [{"name": name, "type": type_} for name, type_ in types.items()]}
    with path.open("wb") as file:
        fastavro.writer(file, schema, [record])
    assert keep(path, *list(types)[1:]) == [
        {
            "word": b"A",
            "other": b"A",
            "day": b"2024-01-02",
            "at": b"2024-01-02 03:04:05+00:00",
            "price": b"1.10",
            "key": b"00000000-0000-0000-0000-000000000007",
        }
    ]


@pytest.mark.integration
def test_the_types_travel_to_the_output(tiny_model: Path, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet")
    output = str(tmp_path / "out")
    command = ["embed", "--model", str(tiny_model), "--input", str(tmp_path / "a.parquet"), "--output", output]
    assert main([*command, "--keep-fields", "n,scores"]) == 0
    (batch,) = read_embeddings(output)
    assert batch.schema.field("n").type == pa.int64()
    assert batch.schema.field("scores").type == pa.large_list(pa.float32())
    assert sorted(batch.column("n").to_pylist(), key=str) == [1, None]
