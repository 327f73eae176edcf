"""Every format through the command line, and a corpus with bad records among ten thousand."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import zstandard

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.dataset.read_embeddings import read_failures
from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.inputs.read_files import FileReader
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.kept_fields import is_reserved, parse_kept_fields
from albert_embed.pipeline.sources.csv_records import CsvRecords
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from albert_embed.transforms.rows import columns
from tests.pipeline.embed_command import embed_command, list_rows
from tests.pipeline.sources.test_sources import make_example
from tests.tiny_model import CORPUS

TEXTS = CORPUS.read_text(encoding="utf-8").splitlines()[:20]
RECORDS = [{"id": f"d{number}", "text": text} for number, text in enumerate(TEXTS)]


def json_lines() -> bytes:
    return "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


def write_csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["text", "id"])
        writer.writeheader()
        writer.writerows(RECORDS)


def write_avro(path: Path) -> None:
    fields = [{"name": name, "type": "string"} for name in ("id", "text")]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "document", "fields": fields}, RECORDS)


def write_tfrecord(path: Path) -> None:
    examples = [make_example(id=record["id"].encode(), text=record["text"].encode()) for record in RECORDS]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            writer.write(example)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "a.jsonl": lambda path: path.write_bytes(json_lines()),
    "a.jsonl.bz2": lambda path: path.write_bytes(bz2.compress(json_lines())),
    "a.jsonl.zst": lambda path: path.write_bytes(zstandard.compress(json_lines())),
    "a.csv": write_csv,
    "a.parquet": lambda path: pq.write_table(pa.Table.from_pylist(RECORDS), path),
    "a.avro": write_avro,
    "a.tfrecord": write_tfrecord,
}


def embed(model: Path, source: Path, output: Path, *more: str) -> dict[bytes, dict[str, Any]]:
    """Returns id → row of what the command line publishes."""
    assert main(embed_command(model, source, output, *more)) == 0
    rows = list_rows(output)
    by_id = {row["id"]: row for row in rows}
    assert len(by_id) == len(rows)
    return by_id


@pytest.mark.integration
def test_every_format_gives_the_same_rows(tiny_model: Path, tmp_path: Path) -> None:
    found = {}
    for name, write in WRITERS.items():
        write(tmp_path / name)
        found[name] = embed(tiny_model, tmp_path / name, tmp_path / f"out-{name}")
        assert list(read_failures(str(tmp_path / f"out-{name}"))) == []
    expected = found.pop("a.jsonl")
    assert expected.keys() == {record["id"].encode() for record in RECORDS}
    for name, rows in found.items():
        assert rows == expected, name
    folder = tmp_path / "files"
    folder.mkdir()
    for record in RECORDS:
        (folder / record["id"]).write_text(record["text"], encoding="utf-8")
    whole = embed(tiny_model, folder / "*", tmp_path / "out-files", "--format", "files")
    vectors = {Path(id_.decode()).name.encode(): row["pooled_output"] for id_, row in whole.items()}
    assert vectors.keys() == expected.keys()
    for id_, vector in vectors.items():  # files come in the order of their names, so their batches are others
        np.testing.assert_allclose(vector, expected[id_]["pooled_output"], rtol=1e-5, atol=1e-5)


# What can be wrong with a JSON line: the line, and the reason that its failure gives.
BAD_LINES = [
    (b'{"id": "x", "text": "caf\xe9"}', "invalid UTF-8"),
    (b'{"id": "x", "text": "cut', "invalid JSON"),
    (b'["x"]', "invalid JSON"),
    (b'{"id": "x"}', "missing field"),
    (b'{"id": "x", "text": null}', "missing field"),
    (b'{"id": "x", "text": 5}', "wrong type"),
    (b'{"id": true, "text": "x"}', "wrong type"),
    (b'{"id": "x", "text": "\\ud800"}', "invalid Unicode"),
    (b'{"id": "x", "text": "' + b"z" * 5_500_000 + b'"}', "word too long"),
    (b'{"id": "x", "text": "' + b"two words " * 3_500_000 + b'"}', "text too long"),
]


@pytest.mark.integration
def test_a_hundred_bad_ones_among_ten_thousand(tiny_model: Path, tmp_path: Path) -> None:
    # The two long ones once, the others in turn: 100 in all, every hundredth line.
    bad = [BAD_LINES[8], BAD_LINES[9], *(BAD_LINES[number % 8] for number in range(98))]
    expected: Counter[str] = Counter()
    places = {}
    ids = set()
    position = 0
    source = tmp_path / "corpus.jsonl"
    with source.open("wb") as file:
        for number in range(10_000):
            if number % 100 == 50:
                line, reason = bad[number // 100]
                places[position] = reason
                expected[reason] += 1
            else:
                line = json.dumps({"id": f"d{number}", "text": TEXTS[number % 20][:60]}).encode()
                ids.add(f"d{number}".encode())
            file.write(line + b"\n")
            position += len(line) + 1
    rows = embed(tiny_model, source, tmp_path / "out")
    assert rows.keys() == ids and len(ids) == 9_900
    failures = list(read_failures(str(tmp_path / "out")))
    assert len(failures) == 100
    assert Counter(failure["reason"] for failure in failures) == expected
    prefix = f"{source}, byte "
    read = {
        int(failure["error"].removeprefix(prefix).split(":")[0]): failure["reason"]
        for failure in failures
        if failure["error"].startswith(prefix)
    }
    assert read == places


@pytest.mark.integration
@pytest.mark.parametrize("name", ["a.txt.gz", "a.jsonl.gz"])
def test_a_truncated_gzip_costs_what_was_cut_off(tiny_model: Path, tmp_path: Path, name: str) -> None:
    lines = [f"line {number} " + "words " * (number % 50) for number in range(20_000)]
    if "jsonl" in name:
        lines = [json.dumps({"text": line}) for line in lines]
    content = gzip.compress("\n".join(lines).encode())
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    rows = embed(tiny_model, tmp_path / name, tmp_path / "out", "--max-tokens", "8")
    assert 1_000 < len(rows) < 20_000
    (failure,) = read_failures(str(tmp_path / "out"))
    assert (failure["stage"], failure["reason"]) == ("read", "broken file")
    assert str(tmp_path / name) in failure["error"]


@pytest.mark.parametrize("format_", ["text", "files"])
def test_the_text_itself_can_be_kept_of_input_without_fields(tiny_model: Path, tmp_path: Path, format_: str) -> None:
    """Lines that are no text fail as they do without `--keep-fields`; all others are kept as they are."""
    (tmp_path / "in").mkdir()
    lines = (CORPUS.parent / "awkward.txt").read_bytes().splitlines(keepends=True)
    for number, content in enumerate([b"".join(lines)] if format_ == "text" else lines):
        (tmp_path / "in" / f"{number}.txt").write_bytes(content)
    flags = ["--format", format_, "--max-tokens", "8"]
    plain = embed(tiny_model, tmp_path / "in", tmp_path / "plain", *flags)
    kept = embed(tiny_model, tmp_path / "in", tmp_path / "kept", *flags, "--keep-fields", "text,text AS copy")
    assert set(kept) == set(plain)
    assert all(row["text"] == row["copy"] for row in kept.values())
    texts = [row["text"] if isinstance(row["text"], bytes) else row["text"].encode() for row in kept.values()]
    assert {text.strip() for text in texts} <= {line.strip() for line in lines}
    assert len(set(texts)) > 6
    failures = [list(read_failures(str(tmp_path / name))) for name in ("plain", "kept")]
    assert len(failures[0]) > 1
    assert Counter(failure["reason"] for failure in failures[0]) == Counter(
        failure["reason"] for failure in failures[1]
    )


def test_what_goes_to_workers_can_be_pickled(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_csv(path)
    fields = RecordFields(kept=parse_kept_fields(("id AS title:string",)), renamed={"title": "id"})
    reader = DocumentReader(records=FileReader(source=CsvRecords(), fields=fields), fields=fields)
    (documents,) = pickle.loads(pickle.dumps(reader)).read(FileRange(path=str(path), name=path.name))
    assert documents.num_rows == len(RECORDS) and "title" in documents.schema.names


def test_no_kept_field_can_have_the_name_of_a_column() -> None:
    free = {name for name in columns.TYPES if not is_reserved(name)}
    assert free == {"text", "pair", "windows", "tokens"}
    assert {name for name in free if not is_reserved(name, of_documents=True)} == set(columns.TRAVELLING_NAMES)
    assert is_reserved("input_mask") and is_reserved("document_output_scale") and not is_reserved("id_scale")


def test_frames_are_those_of_tensorflow(tmp_path: Path) -> None:
    write_tfrecord(tmp_path / "theirs")
    examples = [make_example(id=record["id"].encode(), text=record["text"].encode()) for record in RECORDS]
    framed = frame_records(examples)
    ours = framed if isinstance(framed, bytes) else b"".join(framed)
    assert ours == (tmp_path / "theirs").read_bytes()
