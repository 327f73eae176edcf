"""`WholeReads`: a file for libraries that expect of a read all that they ask for."""

from __future__ import annotations

from typing import Any

_READ_BYTES = 1 << 20


class WholeReads:
    """A file whose reads give all bytes that are asked for, and take no more memory than there are.

    Args:
      file: whose reads may give fewer.
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """Reads `size` bytes, fewer at the end of the file.

        Raises:
          ValueError: if the size, which stands in the file, is negative.
        """
        if size < 0:
            raise ValueError(f"a length in the file is {size}")
        parts = []
        while size and (part := self._file.read(min(size, _READ_BYTES))):  # a damaged length may be of any size
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def tell(self) -> int:
        """Returns the byte that comes next."""
        position: int = self._file.tell()
        return position
