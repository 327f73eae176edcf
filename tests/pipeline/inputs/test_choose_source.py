"""Which format the files of a run have."""

from __future__ import annotations

import dataclasses
import gzip
import io
import pickle
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.inputs.choose_source import choose_source
from albert_embed.pipeline.inputs.file_input import FileInput, make_file_input
from albert_embed.pipeline.inputs.split_files import split_files
from albert_embed.pipeline.listing.input_files import InputFile, list_input
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_choices import FORMATS
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from albert_embed.transforms.steps.failure import Failure


def choose(*names: str, given: str | None = None) -> str:
    return choose_source([InputFile(path=name, name=name, bytes=1, modified=0) for name in names], given).source.name


def test_the_command_line_offers_every_format() -> None:
    assert set(FORMATS) == {*SOURCES, "bigquery"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "text"),
        ("a.jsonl", "jsonl"),
        ("A.JSONL", "jsonl"),
        ("a.ndjson.bz2", "jsonl"),
        ("a.jsonl.txt", "text"),
        ("gs://b/c.jsonl", "jsonl"),
        ("a.csv.zst", "csv"),
        ("a.TSV", "tsv"),
        ("a.tsv.gz", "tsv"),
        ("a.tfrecords", "tfrecord"),
        ("a.avro", "avro"),
        ("a.parquet", "parquet"),
        ("a.csv-00000-of-00010", "csv"),
        ("a.TXT-00000-of-00002", "text"),
    ],
)
def test_formats_are_told_by_names(name: str, expected: str) -> None:
    assert choose(name, "b" + name) == expected


def test_a_given_format_beats_the_names() -> None:
    assert choose("a.txt", "b.jsonl", given="jsonl") == "jsonl"


def test_files_of_several_formats_are_refused_by_name() -> None:
    with pytest.raises(ValueError) as error:
        choose("d/a.txt", "d/b.txt", "d/c.jsonl")
    assert str(error.value) == (
        "--input names files of several formats: d/c.jsonl (jsonl), d/a.txt (text); give --format if all have the "
        "same, or embed each format in a run of its own"
    )


def make_contents(format_: str) -> bytes:
    sink = io.BytesIO()
    if format_ == "parquet":
        pq.write_table(pa.table({"text": ["x"]}), sink)
    elif format_ == "avro":
        schema = {"type": "record", "name": "r", "fields": [{"name": "text", "type": "string"}]}
        fastavro.writer(sink, schema, [{"text": "x"}])
    elif format_ == "tfrecord":
        sink.write(frame_records([b"x"]))
    elif format_ == "jsonl":
        sink.write(b'{"text": "x"}\n{"text": "y"}\n')
    elif format_ == "text":
        sink.write(b"x\n")
    return sink.getvalue()


def choose_contents(folder: Path, *contents: bytes) -> str:
    names = [f"part-{number:05}" for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        (folder / name).write_bytes(content)
    return choose(*(str(folder / name) for name in names))


@pytest.mark.parametrize("format_", ["parquet", "avro", "tfrecord", "jsonl", "text"])
@pytest.mark.parametrize("name", ["part-00000", "jsonl", "a.log", "a.gz"])
def test_names_that_tell_nothing_leave_it_to_the_content(tmp_path: Path, format_: str, name: str) -> None:
    content = make_contents(format_)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert choose(str(path)) == format_
    assert choose(str(path), given="csv") == "csv"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'\xef\xbb\xbf\n \r\n {"a": "}"} \r\n', "jsonl"),
        (b"{}\n", "jsonl"),
        (b'{"text": "' + b"x" * 10_000, "jsonl"),  # the first line is longer than what is looked at
        (b'{ "te\\"xt" :[' + b"1," * 5_000, "jsonl"),
        (b'{"text": "x"} and more\n', "text"),
        (b'a line\n{"text": "x"}\n', "text"),
        (b"{braces} " * 1000, "text"),
        (b'["x"]\n', "text"),
        (b"[1] A reference\n", "text"),
        (b"id,text\n1,x\n", "text"),
        (b"PAR1 is a word\n", "text"),
        (b"{" * 4000 + b"\n", "text"),
        (b'{"x": ' + b"[" * 3000 + b"0\n", "text"),
        (b'{"caf\xe9": 1}\n', "text"),
        (b"", "text"),
    ],
)
def test_text_stays_text(tmp_path: Path, content: bytes, expected: str) -> None:
    assert choose_contents(tmp_path, content) == expected


def test_an_empty_file_is_of_any_format(tmp_path: Path) -> None:
    assert choose_contents(tmp_path, b"", make_contents("jsonl"), b"") == "jsonl"


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ([b'{"text": "x"}\n{"text": "y"}\n', b'{"text": "z"}'], "jsonl"),
        ([b'[{"text": "x"}]', b"[]", b""], "json"),
        ([b'{\n"text": "x"}', b'{"text": "x"}'], "json"),
        ([b""], "jsonl"),
    ],
)
def test_json_is_told_by_contents(tmp_path: Path, contents: list[bytes], expected: str) -> None:
    paths = [str(tmp_path / f"{number}.json") for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        Path(path).write_bytes(content)
    assert choose(*paths) == expected


def test_json_beside_files_that_are_named_json_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'[{"text": "x"}]')
    with pytest.raises(ValueError, match=r"several formats: \S*/a\.json \(json\), b\.jsonl \(jsonl\);"):
        choose(str(tmp_path / "a.json"), "b.jsonl")


def test_contents_of_several_formats_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as error:
        choose_contents(tmp_path, b"x\n", make_contents("parquet"), make_contents("jsonl"), b"y\n")
    first, second, third = (tmp_path / f"part-0000{number}" for number in range(3))
    assert str(error.value) == (
        f"--input names files of several formats: {third} (jsonl), {second} (parquet), {first} (text); give --format "
        "if all have the same, or embed each format in a run of its own"
    )


def test_names_and_contents_that_contradict_each_other_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(make_contents("parquet"))
    (tmp_path / "b").write_bytes(make_contents("avro"))
    with pytest.raises(ValueError, match=r"several formats: \S*/b \(avro\), \S*/a\.parquet \(parquet\);"):
        choose(str(tmp_path / "a.parquet"), str(tmp_path / "b"))


@pytest.mark.parametrize(
    "given", [{"pair_field": "q"}, {"id_field": "id"}, {"text_field": "body"}, {"keep_fields": ("title",)}]
)
@pytest.mark.parametrize("format_", [None, "files"])
def test_fields_of_texts_are_refused(tmp_path: Path, given: dict[str, Any], format_: str | None) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    options = EmbedOptions(model="m", input=(str(tmp_path / "a.txt"),), output="o", format=format_, **given)
    with pytest.raises(ValueError, match=r"^--text-field, --id-field, --pair-field and --keep-fields name fields of"):
        make_file_input(list_input(options.input).files, options)


def test_of_many_files_without_names_each_is_looked_into_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("choose_source", "look_into_files"):
        monkeypatch.setattr(f"albert_embed.pipeline.inputs.{module}.MAX_FILES", 2)
    contents = {
        "a": b'{"text": "x"}\n',
        "b": b"not what the others are\n",
        "c": b'{"text": "y"}\n',
        "d": b"",
        "e.jsonl": b"its name tells\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    options = EmbedOptions(model="m", input=(f"{tmp_path}/*",), output="o")
    files = list_input(options.input).files
    found = make_file_input(files, options)
    assert (found.format, found.is_sampled) == ("jsonl", True)
    given = make_file_input(files, dataclasses.replace(options, format="jsonl"))
    assert given.is_sampled is False and given.fingerprint != found.fingerprint

    def read(given: FileInput) -> dict[str, list[str]]:
        reader = pickle.loads(pickle.dumps(given.open_parts(RecordFields()).reader))
        return {
            file.name: [one.error if isinstance(one, Failure) else "records" for one in reader.read(range_)]
            for file in given.files
            for range_ in split_files([file], splittable=False)
        }

    no_object = "byte 0: not a JSON object: Expecting value: line 1 column 1 (char 0)"
    assert read(found) == {
        "a": ["records"],
        "b": [
            f"{tmp_path}/b: it is read as jsonl, as other files are, but its content is text: give --format "
            "jsonl if it is that, or leave it out"
        ],
        "c": ["records"],
        "d": [],
        "e.jsonl": [f"{tmp_path}/e.jsonl, {no_object}"],
    }
    assert read(given)["b"] == [f"{tmp_path}/b, {no_object}"]
