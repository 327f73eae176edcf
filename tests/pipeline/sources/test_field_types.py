"""`add_field_types`: what Parquet and Avro files say of their own columns."""

from __future__ import annotations

import datetime
from pathlib import Path

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.sources.field_types import add_field_types, arrow_kind, avro_kind


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
        (pa.date32(), "?date32[day]"),
        (pa.list_(pa.list_(pa.int64())), "?list<item: list<item: int64>>"),
    ],
    ids=str,
)
def test_arrow_types(type_: pa.DataType, kind: str) -> None:
    assert arrow_kind(type_) == kind


def test_avro_types() -> None:
    assert avro_kind(["null", "long"]) == "int64"
    assert avro_kind({"type": "array", "items": "double"}) == "float[]"
    assert avro_kind({"type": "enum", "name": "e", "symbols": ["A"]}) == "string"
    assert avro_kind({"type": "string"}) == "string"
    assert avro_kind({"type": "int", "logicalType": "date"}) == "?date"
    assert avro_kind(["long", "string"]) == "?['long', 'string']"
    assert avro_kind({"type": "map", "values": "long"}) == "?map"


def write_parquet(path: Path) -> None:
    table = pa.table({"text": ["one", "two"], "n": pa.array([1, None], pa.int32()), "day": [datetime.date.today()] * 2})
    pq.write_table(table.append_column("scores", pa.array([[0.5], []], pa.list_(pa.float64()))), path)


def test_only_what_has_no_type_is_looked_up(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet")
    patterns = [str(tmp_path / "*.parquet")]
    assert add_field_types(["n", "scores"], patterns, "parquet") == ("n:int64", "scores:float[]")
    assert add_field_types(["n:string"], patterns, "parquet") == ("n:string",)
    assert add_field_types(["n"], patterns, "csv") == ("n",)
    with pytest.raises(ValueError, match=r"has 'm', but .*a\.parquet has no such column; its columns are: day, n, sc"):
        add_field_types(["m"], patterns, "parquet")
    with pytest.raises(ValueError, match=r"has 'day', which is date32\[day\] in .*a\.parquet; strings, integers"):
        add_field_types(["day"], patterns, "parquet")


def test_avro_files(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    fields = [{"name": "text", "type": "string"}, {"name": "n", "type": ["null", "int"]}]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "R", "fields": fields}, [{"text": "a", "n": 1}])
    assert add_field_types(["n"], [str(path)], "avro") == ("n:int64",)
    path.write_bytes(b"broken")
    assert add_field_types(["n"], [str(path)], "avro") == ("n",)


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
