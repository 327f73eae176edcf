"""`CsvLines`: the lines of a CSV file for the csv module, which can be read again where a record fails."""

from __future__ import annotations

import collections
import io
from typing import Any

from albert_embed.pipeline.records.records import MAX_TEXT_BYTES


class RecordTooLongError(ValueError):
    """A record has more lines, or more characters, than one may have."""


class CsvLines:
    """Iterates over the lines of a file. Of a line that is too long only the start is held, so memory stays bounded.

    A bad byte becomes half of a surrogate pair, and costs the row that it stands in.

    Args:
      file: opened and decompressed.
      max_lines: maximum lines of a record.

    Attributes:
      record: the lines of the present record.
      first: the number of its first line, from 1.
      is_doubtful: whether it may be the rest of a record that failed.
    """

    def __init__(self, file: Any, max_lines: int) -> None:
        self._file = file
        self._text = io.TextIOWrapper(
            io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file,
            encoding="utf-8-sig",
            errors="surrogateescape",
            newline="",
        )
        self._max_lines = max_lines
        self._back: collections.deque[str] = collections.deque()
        self._given_back = 0  # the number of the last line that was ever given back
        self._cut: set[int] = set()
        self._broken: Exception | None = None
        self._characters = 0
        self.record: list[str] = []
        self.first = 1
        self.is_doubtful = False

    def __enter__(self) -> CsvLines:
        return self

    def __exit__(self, *_: object) -> None:
        """Lets go of the file, which whoever opened it closes."""
        buffered = self._text.detach()
        if buffered is not self._file:
            buffered.detach()

    @property
    def last(self) -> int:
        """The number of the record's last line."""
        return self.first + len(self.record) - 1

    @property
    def is_cut(self) -> bool:
        """Whether the start alone is held of one of the record's lines."""
        return any(self.first <= number <= self.last for number in self._cut)

    def begin_record(self) -> None:
        """Begins another record with what is read from now on."""
        self.first += len(self.record)
        self.record = []
        self._characters = 0

    def give_back(self, kept: int) -> None:
        """Leaves the record its first lines; those behind them are read again."""
        self._given_back = max(self._given_back, self.last)
        self.is_doubtful = True
        self._back.extendleft(reversed(self.record[kept:]))
        del self.record[kept:]

    def end_doubt(self) -> None:
        """Accepts the record as a row, so what follows does not belong to it, unless it was given back."""
        self.is_doubtful = self.first <= self._given_back

    def __iter__(self) -> CsvLines:
        return self

    def __next__(self) -> str:
        """Reads a line.

        Raises:
          RecordTooLongError: if the record has as much as a record may have.
        """
        if len(self.record) >= self._max_lines:
            raise RecordTooLongError(f"within {self._max_lines:,} lines (--csv-max-lines)")
        if self._characters > MAX_TEXT_BYTES:
            raise RecordTooLongError(f"within {MAX_TEXT_BYTES:,} characters")
        line = self._back.popleft() if self._back else self._read()
        self.record.append(line)
        self._characters += len(line)
        return line

    def _read(self) -> str:
        """Reads a new line. Where the file breaks within a record, that record ends, and the next one raises."""
        if self._broken is None:
            try:
                return self._read_line()
            except StopIteration:
                raise
            except Exception as e:  # as many kinds as there are compressions
                self._broken = e
        if self.record:
            raise StopIteration
        raise self._broken

    def _read_line(self) -> str:
        line = self._text.readline(MAX_TEXT_BYTES + 1)
        if not line:
            raise StopIteration
        rest = line
        while len(rest) > MAX_TEXT_BYTES and not rest.endswith("\n"):
            self._cut.add(self.last + 1)
            rest = self._text.readline(MAX_TEXT_BYTES + 1)
        return line
