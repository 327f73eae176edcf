"""Files that are replaced by others of the same length while they are read."""

from __future__ import annotations

import dataclasses
import os
import pickle
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from apache_beam.io.aws.clients.s3.fake_client import FakeFile, FakeS3Client
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.inputs import read_files
from albert_embed.pipeline.inputs.read_files import UnreadableFileError, read_range
from albert_embed.pipeline.inputs.split_files import split_files
from albert_embed.pipeline.listing import list_remote
from albert_embed.pipeline.listing.input_files import list_input
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.sources.registry import SOURCES, find_by_name
from albert_embed.pipeline.storage import bucket_errors
from albert_embed.pipeline.storage.file_version import FileVersion
from albert_embed.pipeline.storage.open_input import strip_compression_ending
from tests.emulators.servers import Emulators


def replace_in_place(path: Path, content: bytes) -> None:
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))  # the clock of a file system may stand for a while


def move_over(path: Path, content: bytes) -> None:
    """Gives it the same time, too."""
    before, other = path.stat(), path.with_suffix(".other")
    other.write_bytes(content)
    os.replace(other, path)
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("replace", [replace_in_place, move_over])
@pytest.mark.parametrize(
    "name", ["a.txt", "a.txt.gz", "a.txt.lz4", "a.jsonl", "a.json", "a.csv", "a.tfrecord", "a.parquet", "a.avro"]
)
def test_a_file_that_is_replaced_by_one_of_the_same_length_ends_the_run(
    name: str, replace: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"text": "one"}\n' * 2000)
    (file,) = list_input([str(path)]).files
    source = find_by_name(strip_compression_ending(name)) or SOURCES["json"]
    ranges = split_files([file], splittable=source.splittable, range_bytes=10_000)
    assert len(ranges) == (4 if name in ("a.txt", "a.jsonl") else 1)
    replace(path, b'{"text": "two"}\n' * 2000)
    for range_ in pickle.loads(pickle.dumps(ranges)):
        with pytest.raises(
            UnreadableFileError, match=rf"{name} is not the file that was listed: something has written"
        ):
            list(read_range(range_, source, RecordFields()))


@pytest.mark.integration
def test_a_run_whose_file_is_replaced_between_two_ranges_publishes_nothing(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((b"one two " * 40_000 + b"\n") * 2)
    read_first = read_files._read_start
    starts: list[int] = []

    def read_start(path_: str) -> bytes:
        starts.append(len(starts))
        if len(starts) == 2:
            replace_in_place(path, (b"two one " * 40_000 + b"\n") * 2)
        return read_first(path_)

    monkeypatch.setattr(read_files, "_read_start", read_start)
    output = tmp_path / "out"
    assert main(["embed", "--model", str(tiny_model), "--input", str(path), "--output", str(output)]) == 4
    assert f"{path} is not the file that was listed" in capsys.readouterr().err
    assert len(starts) >= 2 and not (output / "manifest.json").exists()


@pytest.mark.integration
def test_an_object_that_is_replaced_by_one_of_the_same_length(bucket: str, emulators: Emulators) -> None:
    def write(content: bytes) -> None:
        with FileSystems.create(f"{bucket}/a.txt") as file:
            file.write(content)

    write(b"one\n")
    (file,) = list_input([f"{bucket}/*.txt"]).files
    assert file.version.tag and [file] == list(list_input([f"{bucket}/a.txt"]).files)
    (range_,) = pickle.loads(pickle.dumps(split_files([file], splittable=True)))
    emulators.take_storage_requests()
    (found,) = read_range(range_, SOURCES["text"], RecordFields())
    assert isinstance(found, Records) and found.raw == [b"one"]
    reading = emulators.take_storage_requests()
    list(read_range(dataclasses.replace(range_, version=FileVersion()), SOURCES["text"], RecordFields()))
    assert len(emulators.take_storage_requests()) == len(reading)  # it is in what is asked anyway
    write(b"two\n")
    with pytest.raises(UnreadableFileError, match=r"a\.txt is not the file that was listed"):
        list(read_range(range_, SOURCES["text"], RecordFields()))


def test_an_object_of_s3_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the client that Beam's own tests use."""
    client = FakeS3Client()
    for module in (list_remote, bucket_errors):
        monkeypatch.setattr(module, "open_s3", lambda: types.SimpleNamespace(client=client))
    monkeypatch.setattr(FileSystems, "exists", lambda _: False)
    for number in range(12):  # pages of five
        client.add_file(FakeFile("b", f"d/{number:02d}.txt", b"one\n", etag=f'"{number}"'))
    files = list_input(["s3://b/d/*.txt"]).files
    assert [(file.path, file.bytes, file.version.tag) for file in files] == [
        (f"s3://b/d/{number:02d}.txt", 4, f'"{number}"') for number in range(12)
    ]
    (range_,) = split_files(files[3:4], splittable=True)
    (found,) = read_range(range_, SOURCES["text"], RecordFields())
    assert isinstance(found, Records) and found.raw == [b"one"]
    client.add_file(FakeFile("b", "d/03.txt", b"two\n", etag='"other"'))
    with pytest.raises(UnreadableFileError, match=r"03\.txt is not the file that was listed"):
        list(read_range(range_, SOURCES["text"], RecordFields()))
    with pytest.raises(FileNotFoundError, match=r"matches no files"):
        list_input(["s3://b/e/*.txt"])
