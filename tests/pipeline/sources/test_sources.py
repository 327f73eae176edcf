"""Each format with good and with broken data: readers and documents, and the command line."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from albert_embed import read_embeddings_dataset
from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.records.content_id import content_id
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.kept_fields import parse_kept_fields
from albert_embed.pipeline.sources.avro_records import AvroRecords
from albert_embed.pipeline.sources.csv_records import CsvRecords, TsvRecords
from albert_embed.pipeline.sources.parquet_records import ParquetRecords
from albert_embed.pipeline.sources.source import Source
from albert_embed.pipeline.sources.tfrecord_records import TFRecords
from albert_embed.pipeline.sources.whole_files import WholeFiles
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from tests.pipeline.embed_command import embed_command, list_rows


def read(path: Path, source: Source, **fields: Any) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Returns the documents, and reason and error of each failure without the path."""
    wanted = RecordFields(**fields)
    documents: list[dict[str, Any]] = []
    failures = []
    for found in read_range(FileRange(path=str(path), name=path.name), source, wanted):
        if isinstance(found, Records):
            batch, failed = make_documents(found, wanted)
            documents += batch.drop_columns(["input_position"]).to_pylist()
            failures += failed
        else:
            failures.append(found)
    assert all(failure.stage == "read" and failure.error.startswith(str(path)) for failure in failures)
    return documents, [(failure.reason, failure.error.removeprefix(str(path))) for failure in failures]


def make_example(**values: Any) -> bytes:
    features = {}
    for name, value in values.items():
        if isinstance(value, bytes):
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        else:
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    example: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return example


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    long = b"6," + b"z" * (33 << 20)
    path.write_bytes(b'id,text\n1,"a\nb"\n2,caf\xe9\n3\n4,"x"y\n5,good\n\n' + long + b"\n7,after\n")
    documents, failures = read(path, CsvRecords())
    assert documents == [
        {"id": b"1", "text": b"a\nb"},
        {"id": b"5", "text": b"good"},
        {"id": b"7", "text": b"after"},
    ]
    assert [(reason, error.split(":")[0]) for reason, error in failures] == [
        ("wrong number of columns", ", line 5"),
        ("invalid CSV", ", line 6"),
        ("text too long", ", line 9"),
        ("invalid UTF-8", ", line 4"),
    ]


def test_tsv(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b'id\ttext\ttitle\n1\tone, two\tA\n2\t"three\tfour"\t\n3\tfive\n4\t"x\n5\tsix\tB\n')
    documents, failures = read(path, TsvRecords(), kept=parse_kept_fields(["title"]))
    assert [(one["id"], one["text"], one["title"]) for one in documents] == [
        (b"1", b"one, two", b"A"),
        (b"2", b"three\tfour", b""),
        (b"5", b"six", b"B"),
    ]
    assert [reason for reason, _ in failures] == ["wrong number of columns", "invalid CSV"]
    with path.open("rb") as file:
        assert list(
            TsvRecords().configure(EmbedOptions(model="m", input=(str(path),), output="o")).read_field_types(file)
        ) == ["id", "text", "title"]


def test_a_header_in_the_middle_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfid,text\n1,one\n" * 2 + b'"id",text\n2,two\nid,texts\n')
    documents, failures = read(path, CsvRecords())
    assert [document["id"] for document in documents] == [b"1", b"1", b"2", b"id"]
    error = "this is the header again, as where files were put one behind the other"
    assert failures == [("invalid CSV", f", line {line}: {error}") for line in (3, 5)]
    path.write_text("text\ntext\n")
    assert [document["text"] for document in read(path, CsvRecords())[0]] == [b"text"]


def test_an_empty_cell_is_no_id(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n,one\n7,two\n,three\n")
    documents, failures = read(path, CsvRecords())
    assert [document["id"] for document in documents] == [content_id(b"one"), b"7", content_id(b"three")]
    documents, failures = read(path, CsvRecords(), id_required=True)
    assert [document["id"] for document in documents] == [b"7"]
    error = "the id field 'id' is missing or null"
    assert failures == [("missing field", f", line 2: {error}"), ("missing field", f", line 4: {error}")]


def test_a_truncated_gzip_gives_what_stands_before_the_break(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress("".join(["id,text\n", *(f"{i},text {i * i}\n" for i in range(100_000))]).encode())
    path.write_bytes(whole[: len(whole) // 2])
    documents, failures = read(path, CsvRecords())
    assert 10_000 < len(documents) < 90_000
    assert documents[-1]["text"] == b"text %d" % (len(documents) - 1) ** 2
    ((reason, error),) = failures
    assert reason == "broken file" and "the compressed file ends before its content does" in error


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1, 2, 3], "text": ["a", None, "c"], "n": [1, 2, None]}), path)
    documents, failures = read(path, ParquetRecords(), kept=parse_kept_fields(("n:int64",)))
    assert documents == [{"id": b"1", "text": b"a", "n": 1}, {"id": b"3", "text": b"c", "n": None}]
    assert [reason for reason, _ in failures] == ["missing field"] and failures[0][1].startswith(", row 1: ")
    path.write_bytes(b"hello")
    assert [reason for reason, _ in read(path, ParquetRecords())[1]] == ["broken file"]
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), pa.array([1])], ["text", "text", "n"])
    pq.write_table(twice, path)
    error = ": it names 'text' 2 times; give each column a name of its own"
    assert read(path, ParquetRecords()) == ([], [("broken file", error)])
    assert len(read(path, ParquetRecords(), text="n")[1]) == 1  # what is not wanted may be there as often as it likes


def test_avro(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    fields = [{"name": "text", "type": ["null", "string"]}, {"name": "n", "type": ["long", "string"]}]
    with path.open("wb") as file:
        records = [{"text": "a", "n": 1}, {"text": None, "n": 2}, {"text": "c", "n": "x"}]
        fastavro.writer(file, {"type": "record", "name": "R", "fields": fields}, records)
    documents, failures = read(path, AvroRecords(), kept=parse_kept_fields(("n:int64",)))
    assert [(document["text"], document["n"]) for document in documents] == [(b"a", 1)]
    assert [reason for reason, _ in failures] == ["missing field", "wrong type"]
    path.write_bytes(path.read_bytes()[:-5])
    assert [reason for reason, _ in read(path, AvroRecords())[1]] == ["broken file"]


def test_tfrecord(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    records = [make_example(text=b"one"), make_example(text=b"two"), b"junk", make_example(text=7)]
    frames = [bytearray(frame_records([record])) for record in [*records, make_example(text=b"last")]]
    frames[1][-6] ^= 1
    path.write_bytes(b"".join(frames))
    documents, failures = read(path, TFRecords())
    assert [document["text"] for document in documents] == [b"one", b"last"]
    assert sorted(reason for reason, _ in failures) == ["corrupt record", "invalid tf.Example", "wrong type"]
    assert failures[0][1].startswith(f", byte {len(frames[0])}: ")
    frames[3][9] ^= 1
    path.write_bytes(b"".join(frames))
    documents, failures = read(path, TFRecords())
    assert [document["text"] for document in documents] == [b"one"]
    assert failures[-1][0] == "broken file" and "a record's length is damaged" in failures[-1][1]


@pytest.mark.parametrize("source", [CsvRecords(), TFRecords()])
def test_an_empty_file_holds_nothing(tmp_path: Path, source: Source) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert read(path, source) == ([], [])


def test_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("one\ntwo\n")
    assert read(path, WholeFiles()) == ([{"id": b"a.md", "text": b"one\ntwo\n"}], [])
    path.write_bytes(b"\xef\xbb\xbfone\n")
    assert read(path, WholeFiles())[0] == [{"id": b"a.md", "text": b"one\n"}]


def test_from_the_command_line(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "text", "title"], ["1", "one\ntwo", "A"], ["2", "three", ""], ["3"]])
    output = tmp_path / "out"
    command = embed_command(tiny_model, tmp_path / "a.csv", output)
    assert main([*command, "--json", "--max-failures", "0"]) == 3
    assert json.loads(capsys.readouterr().out)["status"] == "too many failures"
    assert "wrong number of columns" in next((output / "_staging").glob("*/failures-*")).read_text()
    assert main([*command, "--json", "--keep-fields", "title"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["status"], result["counts"]["documents"], result["counts"]["failures"]) == ("published", 2, 1)
    rows = list_rows(output)
    assert sorted((row["id"], row["title"]) for row in rows) == [(b"1", b"A"), (b"2", b"")]
    assert sorted(row["title"] for row in read_embeddings_dataset(str(output)).as_numpy_iterator()) == [b"", b"A"]
    assert [failure["reason"] for failure in read_failures(str(output))] == ["wrong number of columns"]
    assert 'name: "title"' in (output / "_schema" / "rows.pbtxt").read_text()


def test_a_value_that_no_message_can_hold_costs_its_record(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "a.jsonl", tmp_path / "out"
    source.write_text('{"text": "one", "n": "\\ud800"}\n{"text": "two", "n": 1e39}\n{"text": "three", "n": 3}\n')
    command = embed_command(tiny_model, source, output)
    assert main([*command, "--keep-fields", "n:float"]) == 0
    assert [row["n"] for row in list_rows(output)] == [3.0]
    assert [
        failure["error"].partition("the field ")[2].partition(";")[0] for failure in read_failures(str(output))
    ] == [
        "'n' is str \\ud800, which is not of type float",
        "'n' is float 1e+39, which is larger than a float of 32 bits can be",
    ]
