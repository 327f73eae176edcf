"""`LineSource`: the lines of a file, and that every way of splitting it gives each line once."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from apache_beam.io import iobase, source_test_utils

import albert_embed.pipeline.sources.line_source as line_source
from albert_embed.pipeline.sources.line_source import SCHEMA, LineSource


class Flattened(iobase.BoundedSource):
    """A source of single lines, `(position, line)`, over a source of RecordBatches: what the test utilities compare."""

    def __init__(self, source: iobase.BoundedSource) -> None:
        self._source = source

    def estimate_size(self) -> Any:
        return self._source.estimate_size()

    def split(self, *arguments: Any, **options: Any) -> Iterable[iobase.SourceBundle]:
        for bundle in self._source.split(*arguments, **options):
            yield bundle._replace(source=Flattened(bundle.source))

    def get_range_tracker(self, start: Any, stop: Any) -> Any:
        return self._source.get_range_tracker(start, stop)

    def default_output_coder(self) -> Any:
        return self._source.default_output_coder()

    def read(self, range_tracker: Any) -> Iterable[tuple[int, bytes]]:
        for batch in self._source.read(range_tracker):
            assert batch.schema == SCHEMA and batch.num_rows > 0
            yield from zip(batch.column("position").to_pylist(), batch.column("line").to_pylist(), strict=True)


def read(pattern: Path | str) -> list[tuple[int, bytes]]:
    return source_test_utils.read_from_source(Flattened(LineSource(str(pattern))), None, None)


def write(tmp_path: Path, content: bytes, name: str = "file.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


CASES = {
    "plain": (b"one\ntwo\n", [(0, b"one"), (4, b"two")]),
    "no last newline": (b"one\ntwo", [(0, b"one"), (4, b"two")]),
    "carriage returns": (b"one\r\ntwo\r\n", [(0, b"one"), (5, b"two")]),
    "last carriage return": (b"one\r\ntwo\r", [(0, b"one"), (5, b"two")]),
    "carriage returns inside": (b"o\rne\r\r\ntwo", [(0, b"o\rne\r"), (7, b"two")]),
    "empty lines": (b"\n\none\n\n", [(0, b""), (1, b""), (2, b"one"), (6, b"")]),
    "one newline": (b"\n", [(0, b"")]),
    "nothing": (b"", []),
    "byte-order mark": (b"\xef\xbb\xbfone\ntwo", [(0, b"one"), (7, b"two")]),
    "only the first mark": (b"one\n\xef\xbb\xbftwo\n", [(0, b"one"), (4, b"\xef\xbb\xbftwo")]),
    "not UTF-8": (b"\xff\xfe\n\x00\n", [(0, b"\xff\xfe"), (3, b"\x00")]),
    "other line ends": ("a\u2028b\x0bc\x0cd\x85\n".encode("latin-1", "ignore"), [(0, b"ab\x0bc\x0cd\x85")]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("block", [1, 2, 3, 1 << 20])
def test_lines_and_where_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: int) -> None:
    monkeypatch.setattr(line_source, "_READ_BYTES", block)
    content, expected = CASES[name]
    assert read(write(tmp_path, content)) == expected


def test_a_line_longer_than_several_blocks(tmp_path: Path) -> None:
    long = bytes(range(1, 10)) * 300_000 + b"x" * 7  # 2.7 MB, no newline in it: 10 is left out
    assert read(write(tmp_path, b"first\n" + long + b"\nlast")) == [(0, b"first"), (6, long), (len(long) + 7, b"last")]


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_compressed_files(tmp_path: Path, ending: str, compress: Any) -> None:
    path = write(tmp_path, compress(b"\xef\xbb\xbfone\r\ntwo\n\nfour"), f"file.txt.{ending}")
    assert read(path) == [(0, b"one"), (8, b"two"), (12, b""), (13, b"four")]


def test_several_files(tmp_path: Path) -> None:
    write(tmp_path, b"\xef\xbb\xbfa\nb", "1.txt")
    write(tmp_path, gzip.compress(b"c\n"), "2.txt.gz")
    write(tmp_path, b"no", "3.other")
    assert sorted(read(tmp_path / "*.txt*")) == [(0, b"a"), (0, b"c"), (5, b"b")]
    batches = source_test_utils.read_from_source(LineSource(str(tmp_path / "*.txt*")), None, None)
    assert sorted({file for batch in batches for file in batch.column("file").to_pylist()}) == [
        str(tmp_path / "1.txt"),
        str(tmp_path / "2.txt.gz"),
    ]


def test_a_pattern_without_files(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No files found based on the file pattern .*none-\*"):
        LineSource(str(tmp_path / "none-*"))


def test_batches_are_bounded_by_lines_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_source, "_BATCH_LINES", 1024)
    path = write(tmp_path, b"".join(b"%d\n" % number for number in range(2500)))
    batches = source_test_utils.read_from_source(LineSource(str(path)), None, None)
    assert [batch.num_rows for batch in batches] == [1024, 1024, 452]
    monkeypatch.setattr(line_source, "_BATCH_BYTES", 10)
    path = write(tmp_path, b"aaaa\nbbbb\ncccc\ndddddddddddddddd\ne\n")
    batches = source_test_utils.read_from_source(LineSource(str(path)), None, None)
    assert [batch.column("line").to_pylist() for batch in batches] == [
        [b"aaaa", b"bbbb", b"cccc"],
        [b"dddddddddddddddd"],
        [b"e"],
    ]
    assert isinstance(batches[0], pa.RecordBatch)


CONTENT = b"\xef\xbb\xbfone\n\n\nfour\r\nfive five five\n\r\nseven"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 1000])
@pytest.mark.parametrize(
    "content", [CONTENT, CONTENT + b"\n", b"\n" * 9, b"a" * 40], ids=["mixed", "ended", "empty", "one"]
)
def test_every_split_gives_every_line_once(tmp_path: Path, size: int, content: bytes) -> None:
    source = Flattened(LineSource(str(write(tmp_path, content))))
    whole = source_test_utils.read_from_source(source, None, None)
    bundles = list(source.split(desired_bundle_size=size))
    assert len(bundles) > 1 or 2 * size > len(content)
    source_test_utils.assert_sources_equal_reference_source(
        (source, None, None), [(bundle.source, bundle.start_position, bundle.stop_position) for bundle in bundles]
    )
    parts = [
        line
        for bundle in bundles
        for line in source_test_utils.read_from_source(bundle.source, bundle.start_position, bundle.stop_position)
    ]
    assert parts == whole


@pytest.mark.parametrize("batch_lines", [1, 2, 3])
def test_splitting_while_reading_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_lines: int
) -> None:
    """Lines wait in a batch that is not given out yet; a split must not give them to the other part as well."""
    monkeypatch.setattr(line_source, "_BATCH_LINES", batch_lines)
    source = LineSource(str(write(tmp_path, CONTENT)))
    (bundle,) = source.split(desired_bundle_size=1 << 30)
    source_test_utils.assert_split_at_fraction_exhaustive(
        Flattened(bundle.source), 0, len(CONTENT), perform_multi_threaded_test=False
    )


def test_compressed_files_are_not_split(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b"one\ntwo\nthree\n"), "file.txt.gz")
    bundles = list(LineSource(str(path)).split(desired_bundle_size=4))
    assert len(bundles) == 1
