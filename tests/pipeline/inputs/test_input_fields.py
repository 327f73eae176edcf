"""Fields that files or records lack: found before the run, and where there are many files, by the workers."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.embed.resolve_input import resolve_input
from albert_embed.pipeline.inputs.input_fields import FileFields, merge_types
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from tests.pipeline.sources.test_sources import make_example, read
from tests.pipeline.storage.test_open_input import COMPRESS

SCHEMAS = ["csv", "tsv", "parquet", "avro"]
RECORDS = ["jsonl", "json", "tfrecord"]


def write(path: Path, *names: str) -> Path:
    """Writes a file with one record that has these fields, in the format and the compression that its name tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = path.suffixes[0]
    record = dict.fromkeys(names, "a")
    if ending in (".csv", ".tsv"):
        between = "," if ending == ".csv" else "\t"
        path.write_text(f"{between.join(names)}\n{between.join(record.values())}\n")
    elif ending == ".parquet":
        pq.write_table(pa.table({name: ["a"] for name in names}), path)
    elif ending == ".avro":
        schema = {"type": "record", "name": "R", "fields": [{"name": name, "type": "string"} for name in names]}
        with path.open("wb") as file:
            fastavro.writer(file, schema, [record])
    elif ending == ".tfrecord":
        path.write_bytes(frame_records([make_example(**dict.fromkeys(names, b"a"))]))
    else:
        path.write_text(json.dumps(record if ending == ".jsonl" else [record]) + "\n")
    if len(path.suffixes) > 1:
        path.write_bytes(COMPRESS[path.suffix](path.read_bytes()))
    return path


def resolve(folder: Path, **given: Any) -> tuple[str, ...]:
    return resolve_input(EmbedOptions(model="m", input=(str(folder),), output="o", **given))[0].keep_fields


@pytest.mark.parametrize("ending", [*SCHEMAS, "csv.gz", "csv.lz4", "avro.zst"])
def test_a_later_file_without_the_field_is_an_error_before_the_run(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"a.{ending}", "text", "title")
    write(tmp_path / f"b.{ending}", "text", "tilte")
    with pytest.raises(ValueError) as error:
        resolve(tmp_path, keep_fields=("title",))
    assert str(error.value) == (
        f"--keep-fields has 'title', but {tmp_path}/b.{ending} has no such field; is it 'tilte'? The fields are: text, "
        "tilte"
    )
    for field in ("text_field", "id_field", "pair_field"):
        with pytest.raises(ValueError, match=rf"^--{field.replace('_', '-')} has 'title', but .*/b\.{ending} has no"):
            resolve(tmp_path, **{field: "title"})
    assert resolve(tmp_path, keep_fields=("text AS a",)) == ("text AS a:string",)


@pytest.mark.parametrize("ending", SCHEMAS)
def test_a_worker_fails_the_file_that_was_not_looked_into(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"b.{ending}", "text", "tilte")
    for fields in (
        {"kept": parse_kept_fields(("title",))},
        {"text": "title"},
        {"id": "title", "id_required": True},
        {"pair": "title"},
    ):
        documents, ((reason, error),) = read(path, SOURCES[ending], **fields)
        assert documents == [] and reason == "broken file"
        assert error.endswith(
            " has 'title', but the file has no such field; is it 'tilte'? The fields are: text, tilte"
        )


@pytest.mark.parametrize("ending", SCHEMAS)
def test_values_of_folders_are_fields_that_a_file_has(tmp_path: Path, ending: str) -> None:
    write(tmp_path / "lang=en" / f"a.{ending}", "text")
    path = write(tmp_path / "lang=de" / f"b.{ending}", "text")
    assert resolve(tmp_path, keep_fields=("lang",)) == ("lang:string",)
    documents, failures = read(path, SOURCES[ending], kept=parse_kept_fields(("lang",)))
    assert [document["lang"] for document in documents] == [b"de"] and failures == []
    write(tmp_path / "none" / f"c.{ending}", "text")
    with pytest.raises(ValueError, match=rf"^--keep-fields has 'lang', but .*/none/c\.{ending} has no such field"):
        resolve(tmp_path, keep_fields=("lang",))


@pytest.mark.parametrize("ending", RECORDS)
@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"keep_fields": ("tilte",)}, "--keep-fields"),
        ({"text_field": "tilte"}, "--text-field"),
        ({"id_field": "tilte"}, "--id-field"),
        ({"pair_field": "tilte"}, "--pair-field"),
    ],
)
def test_a_field_that_no_record_has(tmp_path: Path, ending: str, given: dict[str, Any], option: str) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.{ending}", "text", "title")
    with pytest.raises(ValueError) as error:
        resolve(tmp_path, **given)
    assert str(error.value) == (
        f"{option} has 'tilte', but no record of the input has such a field; is it 'title'? The fields are: text, title"
    )
    write(tmp_path / f"d.{ending}", "tilte")
    resolve(tmp_path, **given)


def test_nulls_are_fields(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "title": null, "m": {"y": null}, "l.m": null}\n')
    assert resolve(tmp_path, keep_fields=("title", "m.y", "l.m", "m")) == ("title", "m.y", "l.m", "m")
    for name in ("m.x", "title.y", "l"):
        with pytest.raises(ValueError, match=f"^--keep-fields has '{name}', but no record"):
            resolve(tmp_path, keep_fields=(name,))


@pytest.mark.parametrize("content", ["", "\n\n", "no JSON\n", "[1]\n"])
def test_without_records_nothing_is_known(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    resolve(tmp_path, keep_fields=("title",), id_field="key")


def test_where_not_all_is_looked_through_there_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("albert_embed.pipeline.inputs.input_fields._MAX_BATCHES", 1)
    with (tmp_path / "a.jsonl").open("w") as file:
        for number in range(5000):
            file.write(json.dumps({"text": "a", "title": number}) + "\n")
        file.write('{"text": "a", "tilte": 1}\n')
    with caplog.at_level(logging.WARNING):
        resolve(tmp_path, keep_fields=("tilte",))
    assert [record.getMessage() for record in caplog.records] == [
        "--keep-fields has 'tilte', but none of the first 2,048 records has such a field; is it 'title'? The fields "
        "are: text, title"
    ]


def test_types_of_several_files(tmp_path: Path) -> None:
    found = [
        FileFields(path="a", types={"a": "?null", "b": "int64", "c": "string", "d": "?null", "e": "float"}),
        FileFields(path="b", types={"a": "int64", "b": "float", "c": "int64", "d": "?null", "e": "int64"}),
        FileFields(path="c", types={"a": "?null", "f": "string[]"}),
    ]
    assert merge_types(found) == {
        "a": "int64",
        "b": "float",
        "c": "string",
        "d": "?null",
        "e": "float",
        "f": "string[]",
    }
    pq.write_table(pa.table({"text": ["a"], "n": pa.nulls(1)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a"], "n": [7]}), tmp_path / "b.parquet")
    (tmp_path / "0.parquet").write_bytes(b"PAR1 broken \0")
    assert resolve(tmp_path, keep_fields=("n",)) == ("n:int64",)
    kept = parse_kept_fields(("n:int64",))
    for name, value in (("a", None), ("b", 7)):
        (document,), failures = read(tmp_path / f"{name}.parquet", SOURCES["parquet"], kept=kept)
        assert (document["n"], failures) == (value, [])


@pytest.mark.parametrize("command", ["embed", "analyze"])
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_from_the_command_line(
    command: str, ending: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / f"a.{ending}", "texts")
    output = tmp_path / "out"
    arguments = [command, "--model", str(tiny_model), "--input", str(path), "--output", str(output)]
    assert main(arguments) == 2
    assert "--text-field has 'text', but" in (error := capsys.readouterr().err) and "is it 'texts'?" in error
    assert not output.exists()


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_headers(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    between = "," if ending == ".csv" else "\t"
    rows = [["text", "a", "", "", "a"], ["one", "1", "2", "3", "4"]]
    path.write_text("\n\r\n" + "".join(between.join(row) + "\n" for row in rows))
    documents, failures = read(path, SOURCES[ending.removeprefix(".")])
    assert [document["text"] for document in documents] == [b"one"] and failures == []
    _, failures = read(path, SOURCES[ending.removeprefix(".")], kept=parse_kept_fields(("a",)))
    assert failures == [("broken file", ": the header names 'a' 2 times; give each column a name of its own")]
