"""The types of kept fields: what Parquet and Avro files say of their own columns."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import math
import uuid
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.embed.resolve_input import resolve_input
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.sources.avro_records import AvroRecords, AvroSchema
from albert_embed.pipeline.sources.parquet_records import name_arrow_type
from albert_embed.pipeline.sources.registry import SOURCES
from tests.pipeline.embed_command import embed_command
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
        (pa.list_(pa.null()), "?null[]"),
        (pa.list_view(pa.int64()), "int64[]"),
        (pa.json_(), "string"),
        (pa.bool8(), "int64"),
        (pa.dictionary(pa.int8(), pa.date32()), "string"),
        (pa.duration("s"), "?duration[s]"),
        (pa.list_(pa.list_(pa.int64())), "?list<item: list<item: int64>>"),
    ],
    ids=str,
)
def test_arrow_types(type_: pa.DataType, kind: str) -> None:
    assert name_arrow_type(type_) == kind


def name_avro_type(type_: Any) -> str:
    return AvroSchema({"type": "record", "name": "R", "fields": []}).name_type(type_)


def test_avro_types() -> None:
    assert name_avro_type(["null", "long"]) == "int64"
    assert name_avro_type({"type": "array", "items": "double"}) == "float[]"
    assert name_avro_type({"type": "enum", "name": "e", "symbols": ["A"]}) == "string"
    assert name_avro_type({"type": "string"}) == "string"
    assert name_avro_type({"type": "int", "logicalType": "date"}) == "string"
    assert name_avro_type({"type": "long", "logicalType": "timestamp-nanos"}) == "int64"
    assert name_avro_type({"type": "fixed", "name": "d", "size": 12, "logicalType": "duration"}) == "?duration"
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
    path.write_text("id,text,n,x\n1,a,2,0.5\n2,b,,\n3,c,4.5,1\n4,d,1_0,1\n5,e,1,1e999\n6,f,1,-inf\n")
    kept = RecordFields.of(
        EmbedOptions(model="m", input=("a",), output="o", keep_fields=("n:int64", "x:float", "id AS key:string"))
    )
    documents, failures = read(path, SOURCES["csv"], **vars(kept))
    assert [(document["n"], document["x"], document["key"]) for document in documents] == [
        (2, 0.5, b"1"),
        (None, None, b"2"),
        (1, -math.inf, b"6"),
    ]
    assert [reason for reason, _ in failures] == ["wrong type"] * 3


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
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
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


def test_timestamps_of_96_bits_that_nanoseconds_can_not_hold(tmp_path: Path) -> None:
    """As Spark, Hive and Impala have written them; 9999 often stands for "never"."""
    moments = [datetime.datetime(year, 12, 31, 23, 59, 59, 123456) for year in (1, 1600, 2024, 9999)]
    table = pa.table({"text": ["a"] * 4, "at": pa.array(moments, pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    assert [kept["at"] for kept in keep(tmp_path / "a.parquet", "at")] == [str(moment).encode() for moment in moments]


def test_values_of_avro_that_are_kept_as_the_nearest_type(tmp_path: Path) -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
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


def test_more_values_of_parquet(tmp_path: Path) -> None:
    moment = datetime.date(2024, 1, 2)
    columns = {
        "text": pa.array(["a"]),
        "zero": pa.array([decimal.Decimal("0E-10")], pa.decimal128(20, 10)),
        "whole": pa.array([decimal.Decimal("12.00")], pa.decimal256(40, 2)),
        "prices": pa.array([[decimal.Decimal("1.10")]], pa.list_(pa.decimal128(9, 2))),
        "word": pa.array([moment]).dictionary_encode(),
        "view": pa.array([[1, 2]], pa.list_view(pa.int64())),
        "json": pa.array(['{"a": 1}'], pa.json_()),
        "flag": pa.array([1], pa.int8()).cast(pa.bool8()),
        "inner": pa.array([{"day": moment}], pa.struct({"day": pa.date32()})),
        "zone": pa.array([1], pa.timestamp("us", "No/Where")),
        "zones": pa.array([[1]], pa.list_(pa.timestamp("us", "No/Where"))),
        "nano": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")),
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    kept = ("zero", "whole:int64", "prices", "word", "view", "json", "flag", "inner.day", "zone", "zones", "nano")
    assert keep(path, *kept) == [
        {
            "zero": b"0.0000000000",
            "whole": 12,
            "prices": [b"1.10"],
            "word": b"2024-01-02",
            "view": [1, 2],
            "json": b'{"a": 1}',
            "flag": 1,
            "inner.day": b"2024-01-02",
            "zone": b"1970-01-01 00:00:00.000001Z",
            "zones": [b"1970-01-01 00:00:00.000001Z"],
            "nano": b"2023-11-14 22:13:20.123456789",
        }
    ]


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        (pa.timestamp("s"), 1, 253_402_300_800),
        (pa.timestamp("ms"), -62_135_596_800_000, -62_135_596_800_001),
        (pa.timestamp("us", "UTC"), 253_402_300_799_999_999, 2**62),
        (pa.list_(pa.timestamp("ms")), [1], [2, 2**62]),
        (pa.large_list(pa.date32()), [1, 2], [2**30, 2**30]),
        (pa.date32(), -719_162, -719_163),
        (pa.date64(), 86_400_000, 2**62 // 86_400_000 * 86_400_000),
        (pa.time32("ms"), 86_399_999, 86_400_000),
        (pa.time64("ns"), 0, -1),
    ],
    ids=str,
)
def test_a_time_out_of_its_range_costs_its_row(tmp_path: Path, type_: pa.DataType, good: Any, bad: Any) -> None:
    is_list = pa.types.is_list(type_) or pa.types.is_large_list(type_)
    plain = type_.value_type if is_list else type_
    number = pa.int32() if plain.bit_width == 32 else pa.int64()
    values = [good, bad, None, good]
    column = pa.array(values, pa.list_(number) if is_list else number).cast(type_)
    batch = pa.record_batch({"text": ["a", "b", "c", "d"], "at": column})
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, batch.schema, store_schema=True) as writer:
        try:
            writer.write_batch(batch)
        except pa.ArrowInvalid:
            pytest.skip("Parquet can't hold it in this unit")
    path = tmp_path / "a.parquet"
    path.write_bytes(sink.getvalue())
    for fields in ({"kept": parse_kept_fields(["at:string[]"])}, {"id": "at"}):
        if is_list and "id" in fields:
            continue
        documents, failures = read(path, SOURCES["parquet"], **fields)
        assert [document["text"] for document in documents] == [b"a", b"c", b"d"]
        ((reason, error),) = failures
        assert reason == "wrong type" and error.startswith(", row 1: the field 'at' is ")
    assert len(read(path, SOURCES["parquet"])[0]) == 4


def test_ids_of_types_that_are_kept_as_strings(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "text": pa.array(["a"]),
        "key": pa.array([uuid.UUID(int=7).bytes], pa.uuid()),
        "number": pa.array([decimal.Decimal("1.50")], pa.decimal128(9, 2)),
        "day": pa.array([datetime.date(2024, 1, 2)]),
    }
    pq.write_table(pa.table(columns), path)
    expected = {"key": str(uuid.UUID(int=7)).encode(), "number": b"1.50", "day": b"2024-01-02"}
    for name, id_ in expected.items():
        ((document,), failures) = read(path, SOURCES["parquet"], id=name, id_required=True)
        assert (document["id"], failures) == (id_, [])


def write_avro(path: Path, types: dict[str, Any], records: list[dict[str, Any]], **options: Any) -> None:
    """Writes records as they are, without converting values of logical types, and then tells their types."""
    fields = [{"name": name, "type": type_} for name, type_ in types.items()]
    schema = {"type": "record", "name": "R", "fields": fields}
    hidden = json.loads(json.dumps(schema).replace("logicalType", "ignoredHere"))
    sink = io.BytesIO()
    fastavro.writer(sink, hidden, records, **options)
    path.write_bytes(sink.getvalue().replace(b"ignoredHere", b"logicalType"))


@pytest.mark.parametrize(
    ("type_", "good", "bad", "text"),
    [
        ({"type": "int", "logicalType": "date"}, 5, 10**9, b"1970-01-06"),
        ({"type": "long", "logicalType": "timestamp-millis"}, 5, 2**62, b"1970-01-01 00:00:00.005000+00:00"),
        ({"type": "long", "logicalType": "local-timestamp-micros"}, 5, -(2**62), b"1970-01-01 00:00:00.000005"),
        ({"type": "int", "logicalType": "time-millis"}, 5, 10**9, b"00:00:00.005000"),
        ({"type": "long", "logicalType": "time-micros"}, 5, 2**50, b"00:00:00.000005"),
        ({"type": "string", "logicalType": "uuid"}, str(uuid.UUID(int=7)), "7", str(uuid.UUID(int=7)).encode()),
        (["null", {"type": "int", "logicalType": "date"}], 5, 10**9, b"1970-01-06"),
        (["null", "string", {"type": "int", "logicalType": "date"}], 5, 10**9, b"1970-01-06"),
    ],
    ids=str,
)
def test_a_value_of_avro_out_of_its_range_costs_its_record(
    tmp_path: Path, type_: Any, good: Any, bad: Any, text: bytes
) -> None:
    path = tmp_path / "a.avro"
    types = {"text": "string", "v": type_, "list": {"type": "array", "items": type_}}
    records = [
        {"text": "a", "v": good, "list": [good]},
        {"text": "b", "v": bad, "list": []},
        {"text": "c", "v": good, "list": [good, bad]},
        {"text": "d", "v": good, "list": []},
    ]
    write_avro(path, types, records)
    documents, failures = read(path, AvroRecords(), kept=parse_kept_fields(["v", "list:string[]"]))
    assert [(one["text"], one["v"], one["list"]) for one in documents] == [(b"a", text, [text]), (b"d", text, [])]
    assert [reason for reason, _ in failures] == ["wrong type", "wrong type"]
    assert failures[0][1].startswith(", record 1: the field 'v' is ") and ", which is no " in failures[0][1]
    assert failures[1][1].startswith(", record 2: the field 'list' is list ")
    assert len(read(path, AvroRecords())[0]) == 4  # what is not wanted is not looked at


def test_more_values_of_avro(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    document = {"type": "record", "name": "x.Doc", "fields": [{"name": "text", "type": "string"}]}
    document["fields"].append({"name": "next", "type": ["null", "x.Doc"]})  # type: ignore[attr-defined]
    price = {"type": "fixed", "name": "Price", "size": 2, "logicalType": "decimal", "precision": 4, "scale": 2}
    types = {
        "text": "string",
        "price": price,
        "other": ["null", "Price"],
        "key": {"type": "fixed", "name": "Key", "size": 16, "logicalType": "uuid"},
        "nano": {"type": "long", "logicalType": "timestamp-nanos"},
        "doc": document,
        "doc2": "x.Doc",
    }
    inner = {"text": "t", "next": {"text": "u", "next": None}}
    record = {"text": "a", "price": b"\0\x6e", "other": b"\0\x01", "key": uuid.UUID(int=7).bytes, "nano": 5}
    write_avro(path, types, [{**record, "doc": inner, "doc2": inner}])
    kept = ("price", "other", "price AS cost:float", "key", "nano", "doc.text", "doc2.text")
    assert keep(path, *kept) == [
        {
            "price": b"1.10",
            "other": b"0.01",
            "cost": pytest.approx(1.1),
            "key": str(uuid.UUID(int=7)).encode(),
            "nano": 5,
            "doc.text": b"t",
            "doc2.text": b"t",
        }
    ]


def test_a_damaged_length_of_avro_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    write_avro(path, {"text": "string"}, [{"text": "a"}])
    whole = path.read_bytes()
    sync, block = whole[-16:], whole[whole.index(whole[-16:]) + 16 : -16]
    assert block == b"\x02\x04\x02a"  # one record, two bytes, a string of one byte
    head = whole.removesuffix(block + sync)
    for length in (b"\xfe\xff\xff\xff\xff\xff\x7f", b"\x03"):  # 2 to the power of 48 bytes; -2 bytes
        path.write_bytes(head + b"\x02" + length + b"\x02a" + sync)
        assert [reason for reason, _ in read(path, AvroRecords())[1]] == ["broken file"]


def test_a_damaged_block_of_avro_costs_its_rest_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    records = [{"text": f"text {number:03}", "n": number} for number in range(300)]
    write_avro(path, {"text": "string", "n": "long"}, records, sync_interval=1000)
    whole = path.read_bytes()
    place = whole.index(b"text 100")
    path.write_bytes(whole[: place - 1] + b"\xff" + whole[place:])  # the length of a string
    documents, failures = read(path, AvroRecords())
    found = [int(document["text"].split()[1]) for document in documents]
    assert found[:100] == list(range(100)) and found[-100:] == list(range(200, 300)) and 100 not in found
    ((reason, error),) = failures
    assert reason == "broken file" and error.startswith(": the rest of a block, behind record 99, can't be read: ")
    # A block that says that it has fewer records than it has.
    block = fastavro.block_reader(io.BytesIO(whole))
    first, second = next(block), next(block)
    count = bytes([(2 * second.num_records) & 0x7F | 0x80, (2 * second.num_records) >> 7])
    place = whole.index(count, whole.index(b"text %03d" % (first.num_records - 1)))
    path.write_bytes(whole[:place] + bytes([count[0] - 4, count[1]]) + whole[place + 2 :])
    documents, failures = read(path, AvroRecords())
    assert len(documents) == 298
    ((reason, error),) = failures
    assert reason == "broken file" and error.endswith("ValueError: it has more bytes than its records have")


@pytest.mark.integration
def test_the_types_travel_to_the_output(tiny_model: Path, tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet")
    output = str(tmp_path / "out")
    command = embed_command(tiny_model, tmp_path / "a.parquet", output)
    assert main([*command, "--keep-fields", "n,scores"]) == 0
    (batch,) = read_embeddings(output)
    assert batch.schema.field("n").type == pa.int64()
    assert batch.schema.field("scores").type == pa.large_list(pa.float32())
    assert sorted(batch.column("n").to_pylist(), key=str) == [1, None]
