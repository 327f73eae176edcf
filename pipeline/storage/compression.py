"""The compressions that input files may have: the one list of them."""

from __future__ import annotations

import bz2
import dataclasses
import lzma
import zlib
from collections.abc import Callable
from typing import Any

import zstandard

# zstd's own limit, which large public dumps use (`--long=31`); its default refuses more than 128 MiB.
_MAX_ZSTD_WINDOW = 1 << 31


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compression:
    """One compression.

    Attributes:
      name: what messages call it.
      endings: of the names of its files.
      magic: what its files may begin with; empty if no few bytes tell.
      make_decompressor: makes an object with `decompress`, `eof` and `unused_data`, for one stream.
      arrow_codec: Arrow's name for it, where there is no such object and Arrow decompresses.
    """

    name: str
    endings: tuple[str, ...]
    magic: tuple[bytes, ...]
    make_decompressor: Callable[[], Any] | None = None
    arrow_codec: str | None = None


class _DeflateDecompressor:
    """Decompresses a deflate stream, with zlib's header, as Hadoop and TFRecord's ZLIB write it, or without."""

    def __init__(self) -> None:
        self._stream: Any = None

    def decompress(self, content: bytes) -> bytes:
        """Returns what some more of the stream holds; raises zlib.error where it is damaged."""
        self._stream = self._stream or zlib.decompressobj(zlib.MAX_WBITS if _has_header(content) else -zlib.MAX_WBITS)
        decompressed: bytes = self._stream.decompress(content)
        return decompressed

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return bool(self._stream.eof)

    @property
    def unused_data(self) -> bytes:
        """What stands behind its end."""
        unused: bytes = self._stream.unused_data
        return unused


def _has_header(start: bytes) -> bool:
    """Returns whether a deflate stream begins with the header of zlib. One without never does, as programs write it."""
    return len(start) >= 2 and start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0


COMPRESSIONS = (
    Compression(
        name="gzip",
        endings=(".gz",),
        magic=(b"\x1f\x8b\x08",),
        make_decompressor=lambda: zlib.decompressobj(16 + zlib.MAX_WBITS),
    ),
    Compression(
        name="bzip2",
        endings=(".bz2",),
        magic=tuple(b"BZh%d1AY&SY" % level for level in range(1, 10)),
        make_decompressor=bz2.BZ2Decompressor,
    ),
    Compression(name="xz", endings=(".xz", ".lzma"), magic=(b"\xfd7zXZ\x00",), make_decompressor=lzma.LZMADecompressor),
    Compression(
        name="zstd",
        endings=(".zst", ".zstd"),
        magic=(b"\x28\xb5\x2f\xfd",),
        make_decompressor=lambda: zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW).decompressobj(),
    ),
    Compression(name="lz4", endings=(".lz4",), magic=(b"\x04\x22\x4d\x18",), arrow_codec="lz4"),
    Compression(name="deflate", endings=(".deflate",), magic=(), make_decompressor=_DeflateDecompressor),
)
# What the decompressors raise over content that is not what it should be.
ERRORS = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


def find_compression(path: str) -> Compression | None:
    """Returns the compression that a file's name tells; None if it tells none."""
    name = path.lower()
    return next((one for one in COMPRESSIONS if name.endswith(one.endings)), None)


def recognise_compression(start: bytes) -> Compression | None:
    """Returns the compression of a file that begins so; None if it is none of these."""
    found = next((one for one in COMPRESSIONS if start.startswith(one.magic)), None)
    return found or (find_compression(".deflate") if _is_zlib(start) else None)


def _is_zlib(start: bytes) -> bool:
    """Returns whether a file begins with a stream of zlib. Two bytes say little, and "x^" may be a text."""
    if not start.startswith((b"\x78\x01", b"\x78\x9c", b"\x78\xda")):
        return False
    try:
        return bool(zlib.decompressobj().decompress(start, 1))
    except zlib.error:
        return False
