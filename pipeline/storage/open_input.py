"""`open_input`: opens a file, decompressed; a compressed file that is cut off is an error.

Beam's `CompressedFile` treats the end of a truncated gzip file as the end of its content, so the rest would be lost
silently.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from albert_embed.pipeline.storage.bucket_errors import RemoteFile, open_remote
from albert_embed.pipeline.storage.compression import ERRORS, find_compression
from albert_embed.pipeline.storage.file_version import FileVersion
from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.open_bytes import open_bytes

_READ_BYTES = 1 << 16  # of compressed content at a time; decompressed, it may be a thousand times larger
# A decompressor gives nothing of a piece that breaks, so pieces are small. gzip takes a quarter longer
# than with 64 KiB, and is still many times as fast as what follows.
_PIECE_BYTES = 1 << 12
_ARROW_READ_BYTES = 1 << 14


def is_compressed(path: str) -> bool:
    """Returns whether a file's name says that it is compressed."""
    return find_compression(path) is not None


def strip_compression_ending(path: str) -> str:
    """Returns `path` without the ending that says how it is compressed."""
    return path[: path.rindex(".")] if is_compressed(path) else path


def open_stored(path: str) -> Any:
    """Opens a file of the input as it is stored, on any file system that Beam knows.

    Raises:
      OSError: if it can't be opened.
    """
    return open_remote(path) if is_remote(path) else open_bytes(path)


def open_input(path: str) -> Any:
    """Opens a file on any file system that Beam knows, decompressed if its name says that it is compressed."""
    file = open_stored(path)
    compression = find_compression(path)
    if compression is None:
        return file
    if compression.make_decompressor is None:
        return ArrowDecompressedFile(file, str(compression.arrow_codec))
    return DecompressedFile(file, compression.make_decompressor)


def tell_stored(file: Any) -> int:
    """Returns how many bytes of a stored file have been read, of one that `open_input` has opened."""
    position: int = _find_stored(file).tell()
    return position


def find_version(file: Any) -> FileVersion:
    """Returns which version of a stored file it is that `open_input` has opened."""
    stored = _find_stored(file)
    return stored.version if isinstance(stored, RemoteFile) else FileVersion.of_status(os.fstat(stored.fileno()))


def _find_stored(file: Any) -> Any:
    return file.stored if isinstance(file, (DecompressedFile, ArrowDecompressedFile)) else file


class BrokenFileError(ValueError):
    """A compressed file is cut off or damaged."""


_CUT_OFF = "the compressed file ends before its content does; it was cut off"
_DAMAGED = "its compressed content is damaged"


class DecompressedFile(io.RawIOBase):
    """The content of a compressed file, which may be several compressed streams one after the other.

    A read gives what there is before a break; the next one raises.

    Attributes:
      stored: the compressed file.

    Args:
      file: the compressed file.
      make_decompressor: makes an object with `decompress`, `eof` and `unused_data`.

    Raises:
      BrokenFileError: if the file ends in the middle of a stream, is not compressed in this way, or is damaged.
    """

    def __init__(self, file: Any, make_decompressor: Callable[[], Any]) -> None:
        super().__init__()
        self.stored = file
        self._make = make_decompressor
        self._decompressor: Any = None
        self._streams = 0
        self._compressed = b""
        self._content = b""
        self._position = 0

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._content:
            if not self._compressed:
                self._compressed = self.stored.read(_READ_BYTES)
            if not self._compressed:
                if self._decompressor is not None or not self._streams:  # even of nothing there is a stream
                    raise BrokenFileError(_CUT_OFF)
                return 0
            if self._decompressor is None and self._streams:
                # Zeros behind a stream are padding, as tapes and block devices leave it.
                self._compressed = self._compressed.lstrip(b"\0")
                if not self._compressed:
                    continue
            self._decompressor = self._decompressor or self._make()
            piece, self._compressed = self._compressed[:_PIECE_BYTES], self._compressed[_PIECE_BYTES:]
            try:
                self._content = self._decompressor.decompress(piece)
            except ERRORS as e:
                raise BrokenFileError(f"{_DAMAGED}: {e}") from e
            if self._decompressor.eof:
                self._compressed = self._decompressor.unused_data + self._compressed
                self._decompressor = None
                self._streams += 1
        size = min(len(buffer), len(self._content))
        buffer[:size] = self._content[:size]
        self._content = self._content[size:]
        self._position += size
        return size

    def close(self) -> None:
        if not self.closed:
            self.stored.close()
        super().close()


class ArrowDecompressedFile(io.RawIOBase):
    """The content of a file whose compression Arrow knows; it may be several compressed streams, without padding.

    Where a stream breaks, Arrow gives nothing of what it was asked for. Then the file is read again, up to there, and a
    byte at a time.

    Attributes:
      stored: the compressed file, which must be seekable.

    Args:
      file: the compressed file.
      codec: Arrow's name for the compression.

    Raises:
      BrokenFileError: as `DecompressedFile` does.
    """

    def __init__(self, file: Any, codec: str) -> None:
        super().__init__()
        self.stored = file
        self._codec = codec
        self._stream = self._open()
        self._broken: Any = None  # the stream that broke: where nothing holds it, it closes the file
        self._position = 0

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._read(len(buffer))
        except OSError as e:
            if e.errno is not None:  # the file itself can't be read
                raise
            raise BrokenFileError(_CUT_OFF if "Truncated" in str(e) else f"{_DAMAGED}: {e}") from e
        if not content and not self.stored.tell():  # which Arrow takes for nothing
            raise BrokenFileError(_CUT_OFF)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _open(self) -> Any:
        return pa.CompressedInputStream(pa.PythonFile(self.stored, mode="r"), self._codec)

    def _read(self, size: int) -> bytes:
        try:
            content: bytes = self._stream.read(1 if self._broken else min(size, _ARROW_READ_BYTES))
        except OSError as e:
            if self._broken or e.errno is not None:
                raise
            self._broken = self._stream
            self.stored.seek(0)
            self._stream = self._open()
            left = self._position
            while left:
                left -= len(self._stream.read(min(left, _ARROW_READ_BYTES)))
            content = self._stream.read(1)
        return content

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self.stored.close()
        super().close()
