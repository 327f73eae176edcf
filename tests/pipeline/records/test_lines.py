"""The lines of a file, and where they stand."""

from __future__ import annotations

import bz2
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_embed.pipeline.records import batching, lines
from albert_embed.pipeline.records.batching import Batch, batch_records
from albert_embed.pipeline.records.lines import read_lines
from albert_embed.pipeline.storage.open_input import open_input


def read(content: bytes, start: int = 0, stop: int | None = None) -> list[tuple[int, bytes]]:
    found = list(read_lines(io.BytesIO(content), start, stop))
    assert all(size == len(line) for _, line, size in found)
    return [(position, line) for position, line, _ in found]


CASES = {
    "plain": (b"one\ntwo\n", [(0, b"one"), (4, b"two")]),
    "no last newline": (b"one\ntwo", [(0, b"one"), (4, b"two")]),
    "carriage returns": (b"one\r\ntwo\r\n", [(0, b"one"), (5, b"two")]),
    "last carriage return": (b"one\r\ntwo\r", [(0, b"one"), (5, b"two")]),
    "carriage returns inside": (b"o\rne\r\r\ntwo", [(0, b"o\rne\r"), (7, b"two")]),
    "empty lines": (b"\n\none\n\n", [(0, b""), (1, b""), (2, b"one"), (6, b"")]),
    "one newline": (b"\n", [(0, b"")]),
    "nothing": (b"", []),
    "a byte-order mark alone": (b"\xef\xbb\xbf", []),
    "an empty line behind it": (b"\xef\xbb\xbf\n", [(0, b"")]),
    "byte-order mark": (b"\xef\xbb\xbfone\ntwo", [(0, b"one"), (7, b"two")]),
    "only the first mark": (b"one\n\xef\xbb\xbftwo\n", [(0, b"one"), (4, b"\xef\xbb\xbftwo")]),
    "not UTF-8": (b"\xff\xfe\n\x00\n", [(0, b"\xff\xfe"), (3, b"\x00")]),
    "other line ends": ("a\u2028b\x0bc\x0cd\x85\n".encode("latin-1", "ignore"), [(0, b"ab\x0bc\x0cd\x85")]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("block", [1, 2, 3, 1 << 20])
def test_lines_and_where_they_stand(monkeypatch: pytest.MonkeyPatch, name: str, block: int) -> None:
    monkeypatch.setattr(lines, "_READ_BYTES", block)
    content, expected = CASES[name]
    assert read(content) == expected


def split_plainly(content: bytes) -> list[tuple[int, bytes]]:
    """The lines and their positions, by Python's own split."""
    found, position = [], 0
    for line in content.split(b"\n"):
        found.append((position, line.removesuffix(b"\r")))
        position += len(line) + 1
    if content in (b"", b"\xef\xbb\xbf") or content.endswith(b"\n"):
        found.pop()
    return [(start, line if start else line.removeprefix(b"\xef\xbb\xbf")) for start, line in found]


PIECES = [b"\n", b"\r", b"\r\n", b"a", b"bc", b"\xef\xbb\xbf", b"\xff", b"\0"]


@given(parts=st.lists(st.sampled_from(PIECES), max_size=20), block=st.integers(1, 9), data=st.data())
def test_any_content_cut_anywhere_gives_every_line_once(parts: list[bytes], block: int, data: st.DataObject) -> None:
    content = b"".join(parts)
    expected = split_plainly(content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lines, "_READ_BYTES", block)
        assert read(content) == expected
        for cut in range(len(content) + 1):
            first, second = read(content, 0, cut), read(content, cut)
            assert first + second == expected
            assert all(position < cut for position, _ in first) and all(position >= cut for position, _ in second)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
        ranges = zip([0, *cuts], [*cuts, None], strict=True)
        assert [line for start, stop in ranges for line in read(content, start, stop)] == expected


def test_a_line_longer_than_several_blocks() -> None:
    long = bytes(range(1, 10)) * 300_000 + b"x" * 7  # 2.7 MB, no newline in it: 10 is left out
    assert read(b"first\n" + long + b"\nlast") == [(0, b"first"), (6, long), (len(long) + 7, b"last")]


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_compressed_files(tmp_path: Path, ending: str, compress: Any) -> None:
    path = tmp_path / f"file.txt.{ending}"
    path.write_bytes(compress(b"\xef\xbb\xbfone\r\ntwo\n\nfour"))
    with open_input(str(path)) as file:
        assert read(file.read()) == [(0, b"one"), (8, b"two"), (12, b""), (13, b"four")]


def test_batches_are_bounded_by_records_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "BATCH_RECORDS", 1024)
    numbers = b"".join(b"%d\n" % number for number in range(2500))
    batches = [batch for batch in batch_records(read_lines(io.BytesIO(numbers))) if isinstance(batch, Batch)]
    assert [len(batch.records) for batch in batches] == [1024, 1024, 452]
    monkeypatch.setattr(batching, "BATCH_BYTES", 10)
    content = b"aaaa\nbbbb\ncccc\ndddddddddddddddd\ne\n"
    batches = [batch for batch in batch_records(read_lines(io.BytesIO(content))) if isinstance(batch, Batch)]
    assert [(batch.positions, batch.records) for batch in batches] == [
        ([0, 5, 10], [b"aaaa", b"bbbb", b"cccc"]),
        ([15], [b"dddddddddddddddd"]),
        ([32], [b"e"]),
    ]


def test_what_stands_before_a_break_is_given_first() -> None:
    def break_off() -> Any:
        yield 0, b"a", 1
        yield 2, b"b", 1
        raise ValueError("broken")

    batches = batch_records(break_off())
    assert next(batches) == Batch(positions=[0, 2], records=[b"a", b"b"])
    with pytest.raises(ValueError, match=r"^broken$"):
        next(batches)
