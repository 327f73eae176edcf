"""Files to records: by name, in ranges that give each record once."""

from __future__ import annotations

import dataclasses
import gzip
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_embed.pipeline.inputs.file_input import FileInput, make_file_input
from albert_embed.pipeline.inputs.read_files import FileReader, UnreadableFileError, read_range
from albert_embed.pipeline.inputs.split_files import choose_range_bytes, split_files
from albert_embed.pipeline.listing.input_files import InputFile, list_input
from albert_embed.pipeline.records.file_range import FileRange
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.registry import SOURCES
from albert_embed.pipeline.storage.tfrecord_framing import frame_records


def make_file(path: Path | str, bytes_: int = 0) -> InputFile:
    size = Path(path).stat().st_size if Path(path).exists() else bytes_
    return InputFile(path=str(path), name=Path(path).name, bytes=size, modified=0)


def take_texts(found: Records) -> list[bytes]:
    texts = found.columns["text"]
    assert isinstance(texts, pa.Array)
    contents: list[bytes] = texts.cast(pa.large_binary()).to_pylist()
    return contents


def check_texts(format_: str, paths: list[Path], expected: list[bytes]) -> None:
    source = SOURCES[format_]
    reader = pickle.loads(pickle.dumps(FileReader(source=source, fields=RecordFields())))
    texts: list[bytes] = []
    for range_ in split_files([make_file(path) for path in paths], splittable=source.splittable):
        for found in reader.read(range_):
            assert isinstance(found, Records), found
            texts += take_texts(found)
    assert texts == expected


def test_no_name_is_taken_for_a_pattern_and_no_other_file_is_read(tmp_path: Path) -> None:
    names = ["a[1].txt", "*.txt", "a?.txt"]
    for name in [*names, "a1.txt", "ab.txt"]:
        (tmp_path / name).write_text(f"{name}\n")
    check_texts("text", [tmp_path / name for name in names], [name.encode() for name in names])


def test_a_file_that_is_listed_twice_is_read_twice(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    check_texts("text", [tmp_path / "a.txt"] * 2, [b"one", b"two"] * 2)


def test_compressed_files_and_files_with_records(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.txt.gz", "wt") as file:
        file.write("packed\n")
    check_texts("text", [tmp_path / "a.txt.gz"], [b"packed"])
    pq.write_table(pa.table({"text": ["one", "two"]}), tmp_path / "a.parquet")
    check_texts("parquet", [tmp_path / "a.parquet"], [b"one", b"two"])


def test_ranges_hold_every_byte_once() -> None:
    files = [make_file("a.txt", 25), make_file("b.txt", 0), make_file("c.txt.gz", 99), make_file("d.txt", 20)]
    assert split_files(files, splittable=True, range_bytes=10) == [
        FileRange(path="a.txt", name="a.txt", start=0, stop=7),
        FileRange(path="a.txt", name="a.txt", start=7, stop=14),
        FileRange(path="a.txt", name="a.txt", start=14, stop=21),
        FileRange(path="a.txt", name="a.txt", start=21),
        FileRange(path="b.txt", name="b.txt"),
        FileRange(path="c.txt.gz", name="c.txt.gz"),
        FileRange(path="d.txt", name="d.txt", start=0, stop=10),
        FileRange(path="d.txt", name="d.txt", start=10),
    ]
    assert split_files(files[:1], splittable=False, range_bytes=10) == [FileRange(path="a.txt", name="a.txt")]


@pytest.mark.parametrize("size", [257, 500, 700, 800, 1000, 1100, 3000])
def test_two_workers_get_half_of_a_file_each(size: int) -> None:
    """A runner deals ranges out in turn."""
    ranges = split_files([make_file("a.txt", size << 10)], splittable=True, range_bytes=256 << 10)
    lengths = [(range_.stop or size << 10) - range_.start for range_ in ranges]
    assert sum(lengths[::2]) == pytest.approx(sum(lengths) / 2, rel=0.01)


@pytest.mark.parametrize(
    ("sizes", "workers", "expected"),
    [
        ([], 1, 256 << 10),
        ([1000], 1, 256 << 10),
        ([80 << 20], None, 640 << 10),
        ([80 << 20], 1, 10 << 20),
        ([40 << 20, 40 << 20], 2, 5 << 20),
        ([80 << 20], 32, 320 << 10),
        ([80 << 20], 1000, 256 << 10),
        ([80 << 30], 4, 64 << 20),
    ],
)
def test_each_worker_gets_several_ranges(sizes: list[int], workers: int | None, expected: int) -> None:
    assert choose_range_bytes([make_file("/none", size) for size in sizes], workers) == expected


def test_files_in_buckets_are_not_read_in_small_ranges() -> None:
    assert choose_range_bytes([make_file("gs://b/none", 80 << 20)], None) == 16 << 20
    assert choose_range_bytes([make_file("gs://b/none", 80 << 30)], 40) == 64 << 20


def test_the_ranges_change_neither_records_nor_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"".join(b"%d\n" % number for number in range(300_000)))
    options = EmbedOptions(model="m", input=(str(path),), output="o")
    files = list_input(options.input).files
    given = make_file_input(files, options, workers=1)

    def read(given: FileInput) -> list[tuple[int, bytes]]:
        return [
            (int(position), text)
            for range_ in split_files(files, splittable=True, range_bytes=given.range_bytes)
            for records in read_range(range_, given.source, RecordFields())
            if isinstance(records, Records)
            for position, text in zip(records.positions, take_texts(records), strict=True)
        ]

    whole = read(given)
    assert len(whole) == 300_000
    other = dataclasses.replace(given, range_bytes=100_000)
    assert read(other) == whole
    assert other.fingerprint == given.fingerprint  # a run that is continued keeps the ranges that it began with
    assert make_file_input(files, options, workers=200).fingerprint == given.fingerprint


@pytest.mark.parametrize("format_", [name for name, source in SOURCES.items() if source.splittable])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 1000])
def test_all_ranges_together_are_the_file(tmp_path: Path, format_: str, size: int) -> None:
    texts = ["one", "", "four\r", "five five five", "", "seven"]
    lines = [text if format_ == "text" else f'{{"text": "{text.strip()}"}}\r' for text in texts]
    path = tmp_path / "file"
    path.write_bytes("\n".join(["\ufeff" + lines[0], *lines[1:]]).encode())

    def read(*ranges: FileRange) -> list[tuple[Any, bytes]]:
        found: list[tuple[Any, Any]] = []
        for range_ in ranges:
            for records in read_range(range_, SOURCES[format_], RecordFields()):
                assert isinstance(records, Records)
                found += zip(records.positions, records.columns["text"], strict=True)
        return [(position, value.as_py() if isinstance(value, pa.Scalar) else value) for position, value in found]

    whole = read(FileRange(path=str(path), name=path.name))
    assert len(whole) == len(texts) and whole[0][0] == 0
    ranges = split_files([make_file(path)], splittable=True, range_bytes=size)
    lengths = [(range_.stop or path.stat().st_size) - range_.start for range_ in ranges]
    assert max(lengths) <= size and sum(lengths) == path.stat().st_size
    assert read(*ranges) == whole


@pytest.mark.parametrize("name", SOURCES)
def test_what_reads_travels_to_workers(tmp_path: Path, name: str) -> None:
    path = tmp_path / "no file of any format"
    path.write_bytes(b'{"text": "x"}')
    reader = FileReader(source=SOURCES[name], fields=RecordFields())
    range_ = FileRange(path=str(path), name=path.name)
    found = list(reader.read(range_))
    assert found and len(list(pickle.loads(pickle.dumps(reader)).read(range_))) == len(found)


@pytest.mark.parametrize("format_", sorted(SOURCES))
def test_a_file_that_is_not_given_ends_the_run_and_is_no_failure_of_data(format_: str, tmp_path: Path) -> None:
    """Such as one that is deleted, or a share that is unmounted, after the files were listed."""
    gone = FileRange(path=str(tmp_path / "gone"), name="gone", start=0, stop=10)
    with pytest.raises(UnreadableFileError, match=r"gone can't be read: .*No such file") as caught:
        list(read_range(gone, SOURCES[format_], RecordFields()))
    assert isinstance(caught.value.__cause__, OSError)


def test_an_error_of_the_system_while_a_file_is_read_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.txt"
    path.write_text("a line\n")

    def fail(*_: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(SOURCES["text"]), "read", fail)
    one = FileRange(path=str(path), name="in.txt", start=0, stop=7)
    with pytest.raises(UnreadableFileError, match=r"in.txt can't be read after 0 records: .*Input/output error"):
        list(read_range(one, SOURCES["text"], RecordFields()))


@pytest.mark.parametrize("left", [0, 300_000, 1_300_000])
@pytest.mark.parametrize("format_", ["text", "jsonl", "csv", "json", "tfrecord", "files"])
def test_a_file_that_is_cut_while_it_is_read_ends_the_run(format_: str, left: int, tmp_path: Path) -> None:
    """As where a program writes it anew: what is missing then would be lost without a word, or pass for damage."""
    path = tmp_path / "a"
    path.write_bytes(
        {
            "jsonl": b'{"text": "x"}\n' * 110_000,
            "json": b"[%s]" % b",\n".join([b'{"text": "x"}'] * 110_000),
            "tfrecord": frame_records([b"x" * 100]) * 13_000,
        }.get(format_, b"text\n" * 300_000)
    )
    source = SOURCES[format_]
    ranges = split_files([make_file(path)], splittable=source.splittable, range_bytes=500_000)
    assert [list(read_range(range_, source, RecordFields())) for range_ in ranges]
    with path.open("r+b") as file:
        file.truncate(left)
    cut = [range_ for range_ in ranges if range_.start + range_.stored_bytes > left]
    assert cut
    for range_ in cut:
        with pytest.raises(UnreadableFileError, match=r"a had [\d,]+ bytes or more when it was listed, and has fewer"):
            list(read_range(range_, source, RecordFields()))


@pytest.mark.parametrize("format_", ["text", "jsonl", "csv"])
def test_a_file_that_grows_is_read_as_it_is(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    line = b'{"text": "x"}\n' if format_ == "jsonl" else b"text\n"
    path.write_bytes(line * 1000)
    ranges = split_files([make_file(path)], splittable=True, range_bytes=1000)
    with path.open("ab") as file:
        file.write(line * 10)
    ranges = ranges if format_ != "csv" else ranges[:1]
    found = [one for range_ in ranges for one in read_range(range_, SOURCES[format_], RecordFields())]
    assert sum(len(one.positions) for one in found if isinstance(one, Records)) == 1010 - (format_ == "csv")
