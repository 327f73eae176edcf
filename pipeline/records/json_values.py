"""Reads the values of a JSON file, which is one array of them, or holds one after the other, without parsing them.

Only brackets and quotes are looked at, so that a record that can't be parsed costs that record alone. The json module
reads whole files, and so does pyarrow where there is an array.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from albert_embed.pipeline.records.lines import BYTE_ORDER_MARK
from albert_embed.pipeline.records.records import MAX_TEXT_BYTES
from albert_embed.pipeline.storage.open_input import BrokenFileError

_READ_BYTES = 1 << 20
_MAX_DEPTH = 10_000  # Python's parser reads some 1,000
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING_END = re.compile(rb'["\\]')
_SCALAR_END = re.compile(rb'[ \t\r\n,"{}\[\]]')
_OPENING = {b"}": b"{", b"]": b"["}


def read_json_values(file: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """Yields `(number from 0, value, its size)` for each value of the array, or of the file if that is no array.

    Of a value longer than `MAX_TEXT_BYTES` only the start is held and yielded, a little more than that.

    Args:
      file: opened and decompressed.

    Raises:
      BrokenFileError: if the values behind some byte can't be told apart.
    """
    text = _JsonText(file)
    is_array = text.skip_space() == b"["
    if is_array:
        text.skip()
    number = 0
    while (found := text.skip_space()) != (b"]" if is_array else b""):
        where = f"record {number}, at byte {text.position:,}"
        if not found:
            raise BrokenFileError(f"{where}: the file ends before its array does")
        value = text.read_value(where)
        yield number, value, len(value)
        number += 1
        if is_array and text.skip_space() == b",":
            text.skip()
        elif is_array and text.skip_space() != b"]":
            raise BrokenFileError(f"behind record {number - 1}, at byte {text.position:,}: there is no comma or ]")
    if is_array:
        text.skip()
        if text.skip_space():
            raise BrokenFileError(f"at byte {text.position:,}: there is something behind the end of the array")


class _JsonText:
    """A file, of which one block is held.

    Args:
      file: opened and decompressed.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._block_start = 0
        self._block = b""
        self._next = 0  # in the block
        while len(self._block) < len(BYTE_ORDER_MARK) and (part := file.read(_READ_BYTES)):
            self._block += part
        if self._block.startswith(BYTE_ORDER_MARK):
            self._next = len(BYTE_ORDER_MARK)

    @property
    def position(self) -> int:
        """The byte of the file that comes next."""
        return self._block_start + self._next

    def skip_space(self) -> bytes:
        """Returns the next character that is not white space, which comes next then; nothing at the end."""
        while True:
            found = _NOT_SPACE.search(self._block, self._next)
            if found is not None:
                self._next = found.start()
                return found[0]
            if not self._load():
                return b""

    def skip(self) -> None:
        """Skips one character."""
        self._next += 1

    def read_value(self, where: str) -> bytes:
        """Reads a value.

        Args:
          where: it is, for messages.

        Raises:
          BrokenFileError: if its end can't be found.
        """
        parts: list[bytes] = []
        held = 0
        for part in self._find_parts(where):
            if held <= MAX_TEXT_BYTES:
                parts.append(part)
                held += len(part)
        return b"".join(parts)

    def _find_parts(self, where: str) -> Iterator[bytes]:
        first = self._block[self._next : self._next + 1]
        if first not in (b"{", b"[", b'"'):
            yield from self._find_scalar(where)
            return
        opened: list[bytes] = []
        in_string = escaped = False
        start = self._next
        while True:
            found = None
            if escaped and self._next < len(self._block):
                self._next += 1
                escaped = False
            if not escaped:
                found = (_STRING_END if in_string else _STRUCTURE).search(self._block, self._next)
            if found is None:
                yield self._block[start:]
                if not self._load():
                    raise BrokenFileError(f"{where}: the file ends within it, or a quote is missing in it")
                start = 0
                continue
            self._next = found.end()
            if found[0] == b"\\":
                escaped = True
            elif found[0] == b'"':
                in_string = not in_string
            elif found[0] in _OPENING:
                if opened.pop() != _OPENING[found[0]]:
                    at = self.position - 1
                    raise BrokenFileError(f"{where}: at byte {at:,} a {found[0].decode()} closes another bracket")
            else:
                opened.append(found[0])
                if len(opened) > _MAX_DEPTH:
                    raise BrokenFileError(f"{where}: it is nested over {_MAX_DEPTH:,} deep")
            if not opened and not in_string:
                yield self._block[start : self._next]
                return

    def _find_scalar(self, where: str) -> Iterator[bytes]:
        begin = self.position
        while True:
            found = _SCALAR_END.search(self._block, self._next)
            start, self._next = self._next, found.start() if found else len(self._block)
            if found and self.position == begin:
                raise BrokenFileError(f"{where}: there is {found[0].decode()} where a value should be")
            yield self._block[start : self._next]
            if found or not self._load():
                return

    def _load(self) -> bool:
        """Reads the next block; False at the end of the file."""
        self._block_start += len(self._block)
        self._block = self._file.read(_READ_BYTES)
        self._next = 0
        return bool(self._block)
