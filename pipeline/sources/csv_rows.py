"""The rows of a CSV file, and a failure for each that is none.

A quote that is never closed makes one record of all that follows, up to the next quote, the maximum lines of a record
or the end of the file. Such a record fails, and the lines behind the one where the quote opened are read again, as
rows of their own.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from albert_embed.pipeline.records.records import MAX_TEXT_BYTES, fail_record
from albert_embed.pipeline.sources.csv_lines import CsvLines, RecordTooLongError
from albert_embed.transforms.steps.failure import Failure

# From within a quoted field to the quote that closes it.
_TO_CLOSING_QUOTE = re.compile(r'[^"]*+(?:""[^"]*+)*+"')


def read_csv_rows(
    lines: CsvLines, path: str, columns: int, delimiter: str
) -> Iterator[tuple[int, list[str], int] | Failure]:
    """Yields `(line that it ends on, row, its size)` of each row that has as many columns as the header.

    Args:
      lines: of the file, behind the header.
      path: of the file.
      columns: of the header.
      delimiter: between fields.

    Raises:
      Exception: if the file breaks; which one depends on its compression.
    """
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    while True:
        lines.begin_record()
        try:
            row = next(reader, None)
        except (csv.Error, RecordTooLongError) as e:
            yield _fail_record(lines, path, e, delimiter)
            continue
        if row is None:
            return
        where = f"line {lines.first}"
        if lines.is_cut:
            yield fail_record(path, where, "text too long", f"the line has over {MAX_TEXT_BYTES:,} characters")
        elif row and len(row) != columns:  # an empty line is no record
            yield _fail_columns(lines, path, row, columns, delimiter)
        elif row and lines.is_doubtful and not _is_well_formed("".join(lines.record), delimiter):
            error = "a quote within a field, on a line that is read as a row because a record before it failed"
            yield fail_record(path, where, "invalid CSV", error, _encode("".join(lines.record)))
        elif row:
            lines.end_doubt()
            yield lines.last, row, sum(map(len, row))


def _fail_columns(lines: CsvLines, path: str, row: list[str], columns: int, delimiter: str) -> Failure:
    error = f"{len(row)} columns, the header has {columns}"
    where = f"line {lines.first}"
    if len(lines.record) > 1:
        error = f"{error}; the record ends on line {lines.last}"
        if _is_row(lines.record[-1], columns, delimiter):  # then the quote before it was none that this line closes
            return _fail_open_quote(lines, path, error, _find_open_quote(lines.record[:-1]))
    return fail_record(path, where, "wrong number of columns", error, _encode(delimiter.join(row)))


def _fail_record(lines: CsvLines, path: str, error: Exception, delimiter: str) -> Failure:
    where = f"line {lines.first}"
    if "field larger" in str(error):
        lines.give_back(_find_open_quote(lines.record) + 1)
        return fail_record(path, where, "text too long", str(error))
    if isinstance(error, RecordTooLongError):
        return _fail_open_quote(lines, path, f"it is not closed {error}", _find_open_quote(lines.record))
    if "unexpected end of data" in str(error):
        return _fail_open_quote(lines, path, "it is never closed", _find_open_quote(lines.record))
    closing = _TO_CLOSING_QUOTE.match(lines.record[-1])
    behind = lines.record[-1][closing.end() :][:1] if closing else ""
    if len(lines.record) == 1 or behind in ("", delimiter, "\r", "\n"):  # what is wrong stands on the last line alone
        return fail_record(path, where, "invalid CSV", str(error), _encode("".join(lines.record)))
    described = f"at the next quote, on line {lines.last}: {error}"
    return _fail_open_quote(lines, path, described, _find_open_quote(lines.record[:-1]))


def _fail_open_quote(lines: CsvLines, path: str, error: str, opened: int) -> Failure:
    """Returns the failure of a record up to the line where its last quote opens; the other lines are given back."""
    lines.give_back(opened + 1)
    lost = "this line is" if opened == 0 else f"these {opened + 1} lines are"
    described = f"a quote opens on line {lines.last} and {error}; {lost} lost, reading goes on behind line {lines.last}"
    return fail_record(path, f"line {lines.first}", "invalid CSV", described, _encode("".join(lines.record)))


def _find_open_quote(record: list[str]) -> int:
    """Finds the line, of those that all end within a quoted field, on which the last quote opens."""
    return max((place for place, line in enumerate(record) if place and _TO_CLOSING_QUOTE.match(line)), default=0)


def _is_row(line: str, columns: int, delimiter: str) -> bool:
    """Returns whether a line is a whole row by itself."""
    if not _is_well_formed(line, delimiter):
        return False
    return len(next(csv.reader([line], strict=True, delimiter=delimiter), [])) == columns


def _is_well_formed(record: str, delimiter: str) -> bool:
    """Returns whether quotes stand around whole fields only, as RFC 4180 has it; the csv module also takes others."""
    between = re.escape(delimiter)
    field = rf'(?:"[^"]*+(?:""[^"]*+)*+"|[^"{between}\r\n]*+)'
    return re.fullmatch(rf"{field}(?:{between}{field})*+(?:\r\n|\r|\n)?", record) is not None


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
