"""Reads the lines of a file, or of a range of its bytes, with the position of each.

Beam's own `ReadFromText` makes an element of every line and drops its position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from albert_embed.pipeline.records.records import MAX_TEXT_BYTES

_READ_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(file: BinaryIO, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, bytes, int]]:
    """Yields `(position, line, its size)` for each line that starts in a range of bytes.

    A line ends at `\\n` or `\\r\\n`, and is yielded without that; the last may lack it. A byte-order mark is left out.
    Of a line longer than `MAX_TEXT_BYTES` only the start is held and yielded, a little more than that.

    Args:
      file: opened and decompressed.
      start: only lines that start at this byte or later.
      stop: only lines that start before this byte; None means all.
    """
    for position, line in _split_lines(file, start):
        if stop is not None and position >= stop:
            return
        if position == 0:
            line = line.removeprefix(BYTE_ORDER_MARK)
        yield position, line, len(line)


def _split_lines(file: BinaryIO, start: int) -> Iterator[tuple[int, bytes]]:
    position = start
    skipping = start > 0
    if skipping:
        # From one byte earlier: if that ends a line, the line at `start` belongs to this range.
        position = start - 1
        file.seek(position)
    parts: list[bytes] = []
    held = size = 0  # bytes of the line that `parts` hold, and that it has so far
    while block := file.read(_READ_BYTES):
        *ended, rest = block.split(b"\n")
        for line in ended:
            line_size = size + len(line)
            if parts:
                line = b"".join([*parts, line])
                parts, held, size = [], 0, 0
            if skipping:
                skipping = False
            else:
                yield position, line.removesuffix(b"\r")
            position += line_size + 1
        if rest:
            size += len(rest)
            if held <= MAX_TEXT_BYTES:
                parts.append(rest)
                held += len(rest)
    rest = b"".join(parts)
    if rest and not skipping and (position, rest) != (0, BYTE_ORDER_MARK):  # which alone is no line
        yield position, rest.removesuffix(b"\r")
