"""What the first bytes of a file say against its name."""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.inputs.check_content import describe_compressed, describe_content
from albert_embed.pipeline.inputs.file_input import make_file_input
from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.listing.input_files import list_input
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from albert_embed.transforms.steps.failure import Failure
from tests.pipeline.storage.test_open_input import COMPRESS

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "format_", "problem"),
    [
        (LFS, "parquet", "it is a Git LFS pointer, not the file itself"),
        (LFS, "text", "it is a Git LFS pointer, not the file itself"),
        (b"PK\x03\x04rest", "csv", "it is a ZIP archive: unpack it"),
        (b"PAR1\0rest", "text", "it is read as text, but its content is parquet: give --format parquet"),
        (frame_records([b"x"]), "jsonl", "it is read as jsonl, but its content is tfrecord"),
        (gzip.compress(b"x", mtime=0), "jsonl", "its content is compressed with gzip, which its name does not say"),
        (gzip.compress(b"x", mtime=0), "tfrecord", "its content is compressed with gzip, which its name does not say"),
        (zlib.compress(b"x"), "tfrecord", "its content is compressed with deflate, which its name does not say"),
        (b"/annex/objects/MD5E-s7--0a.txt\n", "text", "it is a git-annex pointer, not the file itself"),
        (b"one\rtwo\r", "text", "its lines end with a carriage return alone, as on old Macs, and would be read as one"),
        (b'{"text": "x"}\r{"text": "y"}', "jsonl", "its lines end with a carriage return alone, as on old Macs"),
        ("é,x\n".encode("utf-16"), "csv", "its text is UTF-16: convert it to UTF-8"),
        ("é,x\n".encode("utf-32"), "text", "its text is UTF-32: convert it to UTF-8"),
        ('{"text": "a"}\n{"text": "b"}\n'.encode("utf-16"), "jsonl", "its text is UTF-16: convert it to UTF-8"),
        ("text\n".encode("utf-16-le"), "text", "its content has NUL bytes: it is binary, or UTF-16 without"),
        ("text\n".encode("utf-16-be"), "files", "its content has NUL bytes: it is binary, or UTF-16 without"),
        (b"%PDF-1.7\n", "files", "it is a PDF document: extract its text"),
        (b"%PDF-1.7\n", "csv", "it is a PDF document: extract its text"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "text", "it is a 7z archive: unpack it"),
        (b"Rar!\x1a\x07\x01\x00", "csv", "it is a RAR archive: unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "files", "it is a document of Microsoft Office: export its text"),
        (b"SQLite format 3\x00\x10", "text", "it is a database of SQLite: export its rows to CSV or JSON lines"),
        (b"ORC\x1b\x03\x00", "parquet", "it is an ORC file: write its rows as Parquet"),
        (b"ARROW1\x00\x00", "text", "it is an Arrow file: write its rows as Parquet"),
        (b"\xff\xff\xff\xff\xa8\x00", "jsonl", "it is an Arrow stream: write its rows as Parquet"),
        (b"\x93NUMPY\x01\x00", "text", "it is an array of NumPy: write its rows as Parquet"),
        (b"\x89HDF\r\n\x1a\n", "text", "it is an HDF5 file: write its rows as Parquet"),
        (b"\x89PNG\r\n\x1a\n\x01", "files", "it is a picture: leave it out"),
        (b"\xff\xd8\xff\xe0\x01", "text", "it is a picture: leave it out"),
        (b"\x1f\x9d\x90\x01", "text", "it is compressed by `compress`: unpack it"),
        (b"\xff\x06\x00\x00sNaPpY", "jsonl", "it is compressed with snappy: unpack it"),
        (b"x.jsonl".ljust(257, b"\0") + b"ustar\x00", "jsonl", "it is a tar archive: unpack it"),
        (b"\xef\xbb\xbf <!DOCTYPE HTML>\n<html>", "jsonl", "it is a web page, as servers send in place of a file"),
        (b"<html lang=en>", "parquet", "it is a web page, as servers send in place of a file"),
        (b'[{"text": "x"},\n', "jsonl", "it is read as jsonl, but its content is json, which is no object per line"),
        (b'{\n  "text": "x"\n}\n', "jsonl", "it is read as jsonl, but its content is json, which is no object per"),
    ],
)
def test_content_that_is_something_else(tmp_path: Path, content: bytes, format_: str, problem: str) -> None:
    source = SOURCES[format_]
    described = describe_content(content, source)
    assert described is not None and described.startswith(problem)
    path = tmp_path / "a"
    path.write_bytes(content)
    options = EmbedOptions(model="m", input=(str(path),), output="o", format=format_)
    with pytest.raises(ValueError) as error:  # before the run; a worker, which sees all files, fails this one
        make_file_input(list_input(options.input).files, options)
    assert str(error.value) == f"--input names {path}: {described}"
    (failure,) = read_range(FileRange(path=str(path), name="a"), source, RecordFields())
    assert isinstance(failure, Failure) and failure.category == "read: broken file"
    assert failure.error == f"{path}: {described}"
    assert list(read_range(FileRange(path=str(path), name="a", start=1), source, RecordFields())) == []


def test_content_that_may_be_what_it_should(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a")
    for name, content in {
        "parquet": (tmp_path / "a").read_bytes(),
        "text": b"\xef\xbb\xbftext\r",
        "files": b"BZh and PAR1 are words",
        "jsonl": b'{"text": "\\u0000"}',
        "tfrecord": frame_records([b"x"]),
        "avro": b"Obj\x01",
        "csv": b"text\rone\rtwo",
        "json": b'[{"text": "<html>"}]',
    }.items():
        assert describe_content(content, SOURCES[name]) is None
    assert describe_content(b"ORC is a format of files\n", SOURCES["text"]) is None
    assert describe_content(b"\xff" * 100 + b"\n", SOURCES["text"]) is None  # a damaged text, whose lines fail


def test_a_stray_nul_is_no_reason_to_refuse_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,text\n1,one\n2,with a \0 in it\n3,three\n")
    options = EmbedOptions(model="m", input=(str(tmp_path),), output="o")
    source = make_file_input(list_input(options.input).files, options).source
    (found,) = read_range(FileRange(path=str(tmp_path / "a.csv"), name="a.csv"), source, RecordFields())
    assert isinstance(found, Records)
    texts = found.columns["text"]
    assert isinstance(texts, pa.Array) and texts.to_pylist() == [b"one", b"with a \0 in it", b"three"]
    for content in (b"a\0" * 9, b"mostly text \0\0", "漢字\n仮名\n".encode("utf-16-le")):
        described = describe_content(content, SOURCES["text"])
        assert described is not None and described.startswith("its content has NUL bytes")


@pytest.mark.parametrize("ending", [".br", ".snappy", ".sz", ".lzo", ".Z", ".lz", ".zz"])
def test_endings_of_compressions_that_are_not_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(b"\x8b\x02\x80text\x03")
    options = EmbedOptions(model="m", input=(str(path),), output="o")
    with pytest.raises(ValueError) as error:
        make_file_input(list_input(options.input).files, options)
    assert str(error.value) == (
        f"--input names {path}: its name says that it is compressed, and {ending.lower()} is not read: unpack it, or "
        "compress it with zstd"
    )
    path.write_bytes(b"a text whose name means something else\n")
    assert make_file_input(list_input(options.input).files, options).format == "text"


def test_a_file_that_cannot_be_read_is_an_error_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("id,text\n")
    options = EmbedOptions(model="m", input=(str(tmp_path / "a.csv"),), output="o")
    files = list_input(options.input).files

    def refuse(path: str) -> bytes:  # the tests may run as a user who may read everything
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("albert_embed.pipeline.inputs.file_input.read_start", refuse)
    with pytest.raises(PermissionError, match=r"a\.csv"):
        make_file_input(files, options)


def test_a_web_page_may_be_a_text() -> None:
    assert describe_content(b"<!DOCTYPE html>", SOURCES["text"]) is None
    assert describe_content(b"<!DOCTYPE html>", SOURCES["files"]) is None


@pytest.mark.parametrize(
    ("encoding", "advice"),
    [
        ("utf-16-le", "or UTF-16 without a byte-order mark; .* `iconv -f UTF-16LE -t"),
        ("utf-16-be", "or UTF-16 without a byte-order mark; .* `iconv -f UTF-16BE -t"),
        ("utf-32-le", "or UTF-32 without a byte-order mark; .* `iconv -f UTF-32LE -t"),
        ("utf-32-be", "or UTF-32 without a byte-order mark; .* `iconv -f UTF-32BE -t"),
    ],
)
@pytest.mark.parametrize("text", ["id,text\n1,one\n", "x", "für Straße\n"])
def test_encodings_without_a_mark_are_guessed(encoding: str, advice: str, text: str) -> None:
    described = describe_content(text.encode(encoding), SOURCES["csv"])
    assert described is not None and re.search(advice, described)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.jsonl.gz", LFS, "it is a Git LFS pointer"),
        ("a.parquet.zst", LFS, "it is a Git LFS pointer"),
        ("a.csv.xz", b"PK\x03\x04", "it is a ZIP archive"),
        ("a.txt.gz", b"<html><body>404", "it is a web page"),
        ("a.jsonl.gz", b'{"text": "x"}\n', "its name says gzip, but it is text that is not compressed: rename it"),
        ("a.jsonl.lz4", b'{"text": "x"}\n', "its name says lz4, but it is text that is not compressed: rename it"),
        ("a.txt.gz", "é".encode() * 4000, "its name says gzip, but it is text that is not compressed: rename it"),
        ("a.txt.gz", bz2.compress(b"x"), "it is compressed with bzip2, not gzip: let its name end in .bz2"),
        (
            "a.parquet.gz",
            gzip.compress(b"PAR1\0", mtime=0),
            "parquet has a compression of its own, and can't be read within",
        ),
        ("a.txt.xz", gzip.compress(b"x", mtime=0), "it is compressed with gzip, not xz: let its name end in .gz"),
        ("a.txt.gz", zlib.compress(b"x"), "it is compressed with deflate, not gzip: let its name end in .deflate"),
    ],
)
def test_names_that_say_a_compression_that_there_is_not(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    options = EmbedOptions(model="m", input=(str(path),), output="o")
    with pytest.raises(ValueError, match=rf"^--input names {re.escape(str(path))}: {re.escape(problem)}"):
        make_file_input(list_input(options.input).files, options)
    source = SOURCES["parquet" if "parquet" in name else "jsonl"]
    (failure,) = read_range(FileRange(path=str(path), name=name), source, RecordFields())
    assert isinstance(failure, Failure) and failure.error.startswith(f"{path}: {problem}")


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("content", [b"", b"x", b"x\n" * 9000])
def test_what_is_compressed_as_its_name_says(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(COMPRESS[ending](content))
    assert describe_compressed(str(path), SOURCES["text"]) is None
    path.write_bytes(b"")
    assert describe_compressed(str(path), SOURCES["text"]) is None
