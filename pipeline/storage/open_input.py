"""`open_input`: opens a file, decompressed; a compressed file that is cut off is an error.

Beam's `CompressedFile` treats the end of a truncated gzip file as the end of its content, so the rest would be lost
silently.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.storage.compression import ERRORS, find_compression

_READ_BYTES = 1 << 16  # of compressed content at a time; decompressed, it may be a thousand times larger


def is_compressed(path: str) -> bool:
    """Returns whether a file's name says that it is compressed."""
    return find_compression(path) is not None


def strip_compression_ending(path: str) -> str:
    """Returns `path` without the ending that says how it is compressed."""
    return path[: path.rindex(".")] if is_compressed(path) else path


def open_input(path: str) -> Any:
    """Opens a file on any file system that Beam knows, decompressed if its name says that it is compressed."""
    file = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    compression = find_compression(path)
    return file if compression is None else DecompressedFile(file, compression.make_decompressor)


class BrokenFileError(ValueError):
    """A compressed file is cut off or damaged."""


class DecompressedFile(io.RawIOBase):
    """The content of a compressed file, which may be several compressed streams one after the other.

    A read gives what there is before a break; the next one raises.

    Args:
      file: the compressed file.
      make_decompressor: makes an object with `decompress`, `eof` and `unused_data`.

    Raises:
      BrokenFileError: if the file ends in the middle of a stream, is not compressed in this way, or is damaged.
    """

    def __init__(self, file: Any, make_decompressor: Callable[[], Any]) -> None:
        super().__init__()
        self._file = file
        self._make = make_decompressor
        self._decompressor: Any = None
        self._streams = 0
        self._compressed = b""
        self._content = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._content:
            if not self._compressed:
                self._compressed = self._file.read(_READ_BYTES)
            if not self._compressed:
                if self._decompressor is not None:
                    raise BrokenFileError("the compressed file ends before its content does; it was cut off")
                return 0
            if self._decompressor is None and self._streams:
                # Zeros behind a stream are padding, as tapes and block devices leave it.
                self._compressed = self._compressed.lstrip(b"\0")
                if not self._compressed:
                    continue
            self._decompressor = self._decompressor or self._make()
            try:
                self._content = self._decompressor.decompress(self._compressed)
            except ERRORS as e:
                raise BrokenFileError(f"its compressed content is damaged: {e}") from e
            self._compressed = b""
            if self._decompressor.eof:
                self._compressed = self._decompressor.unused_data
                self._decompressor = None
                self._streams += 1
        size = min(len(buffer), len(self._content))
        buffer[:size] = self._content[:size]
        self._content = self._content[size:]
        return size

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
