"""Compressed files: all of their content, or an error."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_embed.pipeline.storage.compression import COMPRESSIONS, find_compression, recognise_compression
from albert_embed.pipeline.storage.open_input import (
    ArrowDecompressedFile,
    BrokenFileError,
    open_input,
    strip_compression_ending,
)


def deflate(content: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


def lz4(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
    ".zst": zstandard.compress,
    ".zstd": zstandard.compress,
    ".lz4": lz4,
    ".deflate": deflate,
}
CONTENT = st.one_of(st.binary(max_size=300), st.text("ab\n", max_size=300).map(str.encode))


def read(path: Path, content: bytes) -> bytes:
    """What is read of a file with this content, all of it or what stands before an error."""
    path.write_bytes(content)
    found = b""
    with open_input(str(path)) as file:
        while piece := file.read(7):
            found += piece
    return found


def test_every_ending_is_tested() -> None:
    assert {ending for one in COMPRESSIONS for ending in one.endings} == COMPRESS.keys()


@pytest.mark.parametrize("ending", COMPRESS)
@settings(deadline=None, max_examples=25)
@given(content=CONTENT, more=CONTENT, padding=st.integers(0, 600))
def test_all_streams_and_padding(ending: str, content: bytes, more: bytes, padding: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"A.TXT{ending.upper()}"
        compress = COMPRESS[ending]
        assert read(path, compress(content)) == content
        assert (
            read(path, compress(content) + compress(more) + bytes(padding if ending != ".lz4" else 0)) == content + more
        )


@pytest.mark.parametrize("ending", COMPRESS)
@settings(deadline=None, max_examples=25)
@given(content=CONTENT.filter(bool), data=st.data())
def test_what_is_cut_off_is_never_the_end(ending: str, content: bytes, data: st.DataObject) -> None:
    whole = COMPRESS[ending](content)
    size = data.draw(st.integers(0, len(whole) - 1))
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.raises(BrokenFileError, match="the compressed file ends before"),
    ):
        read(Path(folder) / f"a{ending}", whole[:size])


@pytest.mark.parametrize("ending", [ending for ending in COMPRESS if ending != ".deflate"])
def test_what_is_no_such_file_is_damaged(tmp_path: Path, ending: str) -> None:
    with pytest.raises(BrokenFileError, match="its compressed content is damaged"):
        read(tmp_path / f"a{ending}", b"no such content " * 9)


def numbers(count: int) -> bytes:
    """Lines that no compression makes much smaller, all different."""
    return b"".join(b"%x\n" % (number * 0x9E3779B97F4A7C15 % (1 << 64)) for number in range(count))


def read_to_break(path: Path, content: bytes) -> bytes:
    """What is read of a damaged file before the error."""
    path.write_bytes(content)
    found = b""
    with open_input(str(path)) as file, pytest.raises(BrokenFileError):
        while piece := file.read(1 << 20):
            found += piece
    return found


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("behind", [b"garbage behind the stream", b"\x04\x22\x4d\x18cut"], ids=["garbage", "cut frame"])
def test_garbage_behind_a_stream_costs_nothing_of_it(ending: str, behind: bytes, tmp_path: Path) -> None:
    content = numbers(5000)
    assert read_to_break(tmp_path / f"a{ending}", COMPRESS[ending](content) + behind) == content


@pytest.mark.parametrize("ending", [".gz", ".xz", ".lzma", ".zst", ".lz4"])
def test_what_stands_well_before_the_damage_is_read(ending: str, tmp_path: Path) -> None:
    """Compressions of blocks lose the block that the damage is in; bzip2's are too large to be tested here."""
    content = numbers(60_000)
    whole = COMPRESS[ending](content)
    place = len(whole) * 3 // 4
    damaged = whole[:place] + bytes(255 - byte for byte in whole[place : place + 40]) + whole[place + 40 :]
    if ending == ".lz4":  # which has no checksum here, and takes most things for content
        damaged = whole[:place]
    found = read_to_break(tmp_path / f"a{ending}", damaged)
    right = next((place for place, byte in enumerate(found) if byte != content[place]), len(found))
    lost = len(content) * 3 // 4 - right
    assert lost < (1 << 18 if ending in (".zst", ".lz4") else 1 << 14)


def test_zstd_with_a_window_larger_than_its_default(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()  # streamed: its size is not told
    content = compressor.compress(b"text\n" * 1000) + compressor.flush()
    with pytest.raises(zstandard.ZstdError, match="too much memory"):
        zstandard.ZstdDecompressor().decompressobj().decompress(content)
    assert read(tmp_path / "a.zst", content) == b"text\n" * 1000


def test_deflate_with_the_header_of_zlib(tmp_path: Path) -> None:
    """As Hadoop and TensorFlow write it."""
    for level in range(10):
        content = zlib.compress(b"one\n" * 9, level)
        assert (
            read(tmp_path / "a.deflate", content + deflate(b"two\n") + content)
            == b"one\n" * 9 + b"two\n" + b"one\n" * 9
        )
        if level not in (2, 3, 4, 5):  # these begin with "x^", as a text may
            found = recognise_compression(content)
            assert found is not None and found.name == "deflate"
    assert recognise_compression(b"x^2 + y^2 = z^2\n") is None and recognise_compression("x\u0681".encode()) is None
    with pytest.raises(BrokenFileError, match="damaged: Error -3 while decompressing data: incorrect data check"):
        read(tmp_path / "a.deflate", content[:-1] + b"\0")


def test_names_and_first_bytes() -> None:
    for ending, compress in COMPRESS.items():
        found = find_compression(f"A.TXT{ending.upper()}")
        assert found is not None and strip_compression_ending(f"a.txt{ending}") == "a.txt"
        assert recognise_compression(compress(b"x")) in (found, None)
    assert find_compression("a.txt") is None and recognise_compression(b"text") is None


def test_lz4_of_other_programs(tmp_path: Path) -> None:
    """As `lz4` writes it: checksums, small blocks that refer to each other, a frame to skip, and one behind another."""
    skipped = b"\x50\x2a\x4d\x18" + struct.pack("<I", 5) + b"notes"
    program = bytes.fromhex("04224d186440a7090000806f6e65206c696e650a00000000b09780bc")
    assert read(tmp_path / "a.lz4", program) == b"one line\n"
    assert read(tmp_path / "a.lz4", skipped + program + lz4(b"two\n")) == b"one line\ntwo\n"
    with pytest.raises(BrokenFileError, match="damaged: LZ4 decompress failed: ERROR_contentChecksum_invalid"):
        read(tmp_path / "a.lz4", program[:-1] + b"\xbb")


def test_a_file_that_breaks_under_lz4_is_not_called_damaged() -> None:
    class Unreadable(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    with (
        pytest.raises(OSError, match="Input/output error") as error,
        ArrowDecompressedFile(Unreadable(), "lz4") as file,
    ):
        file.read(1)
    assert error.value.errno == errno.EIO
