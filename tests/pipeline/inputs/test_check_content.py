"""What the first bytes of a file say against its name."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.inputs.check_content import describe_content
from albert_embed.pipeline.inputs.file_input import make_file_input
from albert_embed.pipeline.inputs.read_files import read_range
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.storage.input_files import list_input
from albert_embed.pipeline.storage.tfrecord_framing import frame_records
from albert_embed.transforms.failure import Failure

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "format_", "problem"),
    [
        (LFS, "parquet", "it is a Git LFS pointer, not the file itself"),
        (LFS, "text", "it is a Git LFS pointer, not the file itself"),
        (b"PK\x03\x04rest", "csv", "it is a ZIP archive: unpack it"),
        (b"PAR1\0rest", "text", "it is read as text, but its content is parquet: give --format parquet"),
        (frame_records([b"x"]), "jsonl", "it is read as jsonl, but its content is tfrecord"),
        (gzip.compress(b"x"), "jsonl", "its content is compressed with gzip, which its name does not say"),
        (gzip.compress(b"x"), "tfrecord", "its content is compressed with gzip, which its name does not say"),
        ("é,x\n".encode("utf-16"), "csv", "its text is UTF-16: convert it to UTF-8"),
        ("é,x\n".encode("utf-32"), "text", "its text is UTF-32: convert it to UTF-8"),
        ("text\n".encode("utf-16-le"), "text", "its content has NUL bytes: it is binary, or UTF-16 without"),
        ("text\n".encode("utf-16-be"), "files", "its content has NUL bytes: it is binary, or UTF-16 without"),
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
        "text": b"\xef\xbb\xbftext",
        "files": b"BZh and PAR1 are words",
        "jsonl": b'{"text": "\\u0000"}',
        "tfrecord": frame_records([b"x"]),
        "avro": b"Obj\x01",
        "csv": b"",
    }.items():
        assert describe_content(content, SOURCES[name]) is None


def test_a_file_that_cannot_be_read_is_an_error_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("id,text\n")
    options = EmbedOptions(model="m", input=(str(tmp_path / "a.csv"),), output="o")
    files = list_input(options.input).files

    def refuse(path: str) -> bytes:  # the tests may run as a user who may read everything
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("albert_embed.pipeline.inputs.file_input.read_start", refuse)
    with pytest.raises(PermissionError, match=r"a\.csv"):
        make_file_input(files, options)
