"""Odd files, each with a known number of records: every one becomes a document or a failure, twice in the same way."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.inputs.file_input import make_file_input
from albert_embed.pipeline.listing.input_files import list_input
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from albert_embed.transforms.steps.failure import Failure
from tests.pipeline.sources.test_sources import make_example
from tests.pipeline.storage.test_open_input import COMPRESS

BOM = b"\xef\xbb\xbf"


def parquet(*columns: tuple[str, Any]) -> bytes:
    sink = io.BytesIO()
    names, values = zip(*columns, strict=True)
    pq.write_table(pa.Table.from_arrays([pa.array(value) for value in values], list(names)), sink)
    return sink.getvalue()


def avro(fields: dict[str, Any], *records: dict[str, Any], **more: Any) -> bytes:
    sink = io.BytesIO()
    listed = [{"name": name, "type": type_, **more.get(name, {})} for name, type_ in fields.items()]
    fastavro.writer(sink, {"type": "record", "name": "R", "fields": listed}, records)
    return sink.getvalue()


def number(count: int) -> bytes:
    return b"".join(b"line %d\n" % each for each in range(count))


# Name of the file → its content, its documents, and its failures by reason. `kept` is kept as a float.
CORPORA: list[tuple[str, bytes, int, dict[str, int]]] = [
    ("ends.txt", b"a\r\nb\nc\rd\ne\x0bf\x0c\xe2\x80\xa8g\n\n", 5, {}),
    ("marks.txt", BOM + b"a\n" + BOM + b"b\n", 2, {}),
    ("mark.txt", BOM, 0, {}),
    ("nothing.txt", b"", 0, {}),
    ("long.txt", b"ab " * 1_800_000 + b"\n" + b"a" * 5_500_000 + b"\nlast", 2, {"word too long": 1}),
    ("bytes.txt", b"a\xff\nb\n\xed\xa0\x80\n\xc0\x80", 1, {"invalid UTF-8": 3}),
    ("values.jsonl", b'{"text": "a"}\n["text"]\n[{"text": "b"}]\n5\nnull\n"x"\n', 1, {"invalid JSON": 5}),
    (
        "empty.jsonl",
        b'{}\n{"text": null}\n{"text": {}}\n{"text": "a"}\n\n \n',
        1,
        {"missing field": 2, "wrong type": 1},
    ),
    (
        "halves.jsonl",
        b'{"text": "\\ud83d\\ude00"}\n{"text": "\\ud800"}\n{"text": "a", "x": "\\ud800"}',
        2,
        {"invalid Unicode": 1},
    ),
    (
        "numbers.jsonl",
        b'{"text": "a", "kept": 1e400}\n{"text": "b", "kept": NaN}\n{"text": "c", "x": 1e400}',
        2,
        {"wrong type": 1},
    ),
    ("marks.jsonl", BOM + b'{"text": "a"}\n' + BOM + b'{"text": "b"}\n', 1, {"invalid JSON": 1}),
    ("array.json", b'[{"text": "a"}, [1], null, 5, "x", {"text": "b"}]', 2, {"invalid JSON": 4}),
    ("behind.json", b'[{"text": "a"}]\n[{"text": "b"}]', 1, {"broken file": 1}),
    ("cut.json", b'[{"text": "a"}, {"text": "b"}, {"te', 2, {"broken file": 1}),
    ("stream.json", b'{\n"text": "a"}{"text": "b"}\n\n{"text": "c"}', 3, {}),
    ("twice.csv", b"text,x,x,kept\na,1,2,\nb,3,4,1e999\n", 1, {"wrong type": 1}),
    ("quote.csv", b'id,text,kept\n1,a,\n2,"b,\n3,c,\n4,d,\n', 3, {"invalid CSV": 1}),
    ("ends.csv", b'id,text,kept\r\n1,a,\r2,b,\n3,"c\rd",\r\n\r\n4,e,', 4, {}),
    ("again.csv", b"id,text,kept\n1,a,\nid,text,kept\n2,b,\n", 2, {"invalid CSV": 1}),
    ("header.csv", b"id,text,kept\n", 0, {}),
    ("quote.tsv", b'id\ttext\tkept\n1\ta "b" c\t\n2\t"d\t\n', 1, {"invalid CSV": 1}),
    ("none.parquet", parquet(("text", pa.array([], pa.string())), ("kept", pa.array([], pa.float64()))), 0, {}),
    (
        "view.parquet",
        parquet(("text", pa.array(["a", None], pa.string_view())), ("kept", [1.0, 2.0]), ("x", [1, 2]), ("x", [3, 4])),
        1,
        {"missing field": 1},
    ),
    (
        "dictionary.parquet",
        parquet(
            ("text", pa.array(["a", None, "a"]).dictionary_encode()), ("id", [1, 2, 3]), ("kept", [1e300, 1.0, None])
        ),
        1,
        {"missing field": 1, "wrong type": 1},
    ),
    ("lists.parquet", parquet(("text", [["a"], None]), ("kept", [1.0, 2.0])), 0, {"wrong type": 1, "missing field": 1}),
    (
        "union.avro",
        avro(
            {"text": ["null", "string", "long"], "kept": ["null", "double"]},
            *({"text": text, "kept": kept} for text, kept in (("a", 1.0), (None, 1.0), (5, None), ("b", 1e300))),
            text={"aliases": ["body"]},
        ),
        1,
        {"missing field": 1, "wrong type": 2},
    ),
    ("none.avro", avro({"text": "string", "kept": "double"}), 0, {}),
    (
        "garbage.tfrecord",
        frame_records(
            [make_example(text=b"a"), b"no example \xff\xff", b"", make_example(text=5), make_example(text=b"b")]
        ),
        2,
        {"invalid tf.Example": 1, "missing field": 1, "wrong type": 1},
    ),
    ("cut.tfrecord", frame_records([make_example(text=b"a"), make_example(text=b"b")])[:-1], 1, {"broken file": 1}),
    *(
        (f"members.txt{ending}", pack(number(5)) + pack(b"") + pack(b"five\nsix"), 7, {})
        for ending, pack in COMPRESS.items()
    ),
    *((f"nothing.txt{ending}", b"", 0, {"broken file": 1}) for ending in COMPRESS),
    *(
        (f"cut.txt{ending}", pack(number(5))[:-1], 5, {"broken file": 1})
        for ending, pack in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress))
    ),
    ("cut.txt.zst", zstandard.compress(number(5))[:-1], 0, {"broken file": 1}),
]


def read(path: Path) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, str]]]:
    """Returns id and hash of each document, and id and reason of each failure, as a run reads them."""
    keep = () if path.name.split(".")[1] == "txt" else ("kept:float",)
    options = EmbedOptions(model="m", input=(str(path),), output="o", keep_fields=keep)
    fields = RecordFields.of(options)
    parts = make_file_input(list_input(options.input).files, options).open_parts(fields)
    documents, failures = [], []
    for part in parts.parts:
        for found in DocumentReader(records=parts.reader, fields=fields).read(part):
            if isinstance(found, Failure):
                failures.append((found.id, found.reason))
            else:
                rows = found.to_pylist()
                documents += [(row["id"], row["content_hash"]) for row in rows]
    return documents, failures


@pytest.mark.parametrize(("name", "content", "documents", "failures"), CORPORA, ids=[case[0] for case in CORPORA])
def test_every_record_is_a_document_or_a_failure(
    name: str, content: bytes, documents: int, failures: dict[str, int], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = read(path)
    assert (len(found[0]), Counter(reason for _, reason in found[1])) == (documents, failures)
    assert len({id_ for id_, _ in found[0]}) == documents
    assert read(path) == found
