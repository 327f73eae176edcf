"""The types of kept fields: what Parquet and Avro files say of their own columns."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.embed.read_input import resolve_input
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.avro_records import name_avro_type
from albert_embed.pipeline.sources.parquet_records import name_arrow_type


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
        (pa.date32(), "?date32[day]"),
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
    assert name_avro_type({"type": "int", "logicalType": "date"}) == "?date"
    assert name_avro_type(["long", "string"]) == "?['long', 'string']"
    assert name_avro_type({"type": "map", "values": "long"}) == "?map"


def write_parquet(path: Path) -> None:
    table = pa.table({"text": ["one", "two"], "n": pa.array([1, None], pa.int32()), "day": [datetime.date.today()] * 2})
    pq.write_table(table.append_column("scores", pa.array([[0.5], []], pa.list_(pa.float64()))), path)


def test_only_what_has_no_type_is_looked_up(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet")
    pattern = str(tmp_path / "*.parquet")
    assert add_types(pattern, "n", "scores") == ("n:int64", "scores:float[]")
    assert add_types(pattern, "n:string") == ("n:string",)
    with pytest.raises(ValueError, match=r"has 'm', but .*a\.parquet has no such field\. Its fields are: day, n, sc"):
        add_types(pattern, "m")
    with pytest.raises(ValueError, match=r"has 'day', which is date32\[day\] in .*a\.parquet; strings, integers"):
        add_types(pattern, "day")


def test_formats_without_types(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,n\n1,a,2\n")
    assert add_types(str(tmp_path / "a.csv"), "n") == ("n:string",)
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    assert add_types(str(tmp_path / "a.jsonl"), "n") == ("n",)


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
        ({"keep_fields": ("tilte",)}, r"^--keep-fields has 'tilte', but .* no such field; is it 'title'\? Its fields"),
        ({"keep_fields": ("tilte:string",)}, r"^--keep-fields has 'tilte', but .* no such field; is it 'title'\?"),
        ({"keep_fields": ("x AS y",)}, r"^--keep-fields has 'x', .* no such field\. Its fields are: id, text, title$"),
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
