"""Whether a file can be what its name says, told from its first bytes."""

from __future__ import annotations

import codecs
import contextlib
from typing import Any

from albert_embed.pipeline.records.lines import BYTE_ORDER_MARK
from albert_embed.pipeline.records.utf8 import MAX_NUL_SHARE
from albert_embed.pipeline.sources.json_documents import JsonDocuments
from albert_embed.pipeline.sources.json_lines import JsonLines
from albert_embed.pipeline.sources.parquet_records import ParquetRecords
from albert_embed.pipeline.sources.registry import find_by_content, find_by_name, guess_by_content
from albert_embed.pipeline.sources.source import START_BYTES, Source
from albert_embed.pipeline.sources.text_lines import TextLines
from albert_embed.pipeline.storage.compression import find_compression, recognise_compression
from albert_embed.pipeline.storage.open_input import BrokenFileError, open_input, open_stored, strip_compression_ending

_ORC, _ARROW_STREAM = b"ORC", b"\xff\xff\xff\xff"
# What is a file of no format, whatever its name says: its first bytes, and what to say of it.
_NO_CORPUS = (
    (
        b"version https://git-lfs.github.com/spec/",
        "it is a Git LFS pointer, not the file itself: fetch that with `git lfs pull`",
    ),
    (b"/annex/objects/", "it is a git-annex pointer, not the file itself: fetch that with `git annex get`"),
    (b"PK\x03\x04", "it is a ZIP archive: unpack it, and give the files in it"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive: unpack it, and give the files in it"),
    (b"Rar!\x1a\x07", "it is a RAR archive: unpack it, and give the files in it"),
    (b"%PDF-", "it is a PDF document: extract its text, and give that"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is a document of Microsoft Office: export its text, and give that"),
    (b"SQLite format 3\0", "it is a database of SQLite: export its rows to CSV or JSON lines"),
    (_ORC, "it is an ORC file: write its rows as Parquet"),
    (b"ARROW1\0", "it is an Arrow file: write its rows as Parquet"),
    (_ARROW_STREAM, "it is an Arrow stream: write its rows as Parquet"),
    (b"\x93NUMPY", "it is an array of NumPy: write its rows as Parquet"),
    (b"\x89HDF\r\n", "it is an HDF5 file: write its rows as Parquet"),
    (b"\x89PNG\r\n", "it is a picture: leave it out"),
    (b"\xff\xd8\xff", "it is a picture: leave it out"),
    (b"\x1f\x9d", "it is compressed by `compress`: unpack it, or compress it with gzip"),
    (b"\xff\x06\x00\x00sNaPpY", "it is compressed with snappy: unpack it, or compress it with zstd"),
)
# Endings of compressions that are not read, and of some of these the content does not tell.
_OTHER_COMPRESSIONS = (".br", ".snappy", ".sz", ".lzo", ".z", ".lz", ".zz")
_TAR = b"ustar"  # at this byte:
_TAR_PLACE = 257
_WEB_PAGE = (b"<!doctype html", b"<html")
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_A_WEB_PAGE = "it is a web page, as servers send in place of a file: fetch the file again"


def describe_content(start: bytes, source: Source) -> str | None:
    """Returns what is wrong with a file, and what to do; None if nothing can be told.

    Args:
      start: the first `START_BYTES` of its decompressed content.
      source: the format that it is read as.
    """
    problem = _describe_anything(start)
    if problem is not None:
        return problem
    if source.has_fields and _is_web_page(start):
        return _A_WEB_PAGE
    found = find_by_content(start)
    if found is not None and found.name != source.name:
        return f"it is read as {source.name}, but its content is {found.name}: give --format {found.name}"
    if found is not None:
        return None
    compression = recognise_compression(start)
    if compression is not None:
        return (
            f"its content is compressed with {compression.name}, which its name does not say: let the name end in "
            f"{compression.endings[0]}"
        )
    if source.name == JsonLines.name and JsonDocuments().suits(start) and not source.suits(start):
        return "it is read as jsonl, but its content is json, which is no object per line: give --format json"
    if source.name == ParquetRecords.name and start:
        return f"it is read as {source.name}, but its content is something else: give the --format that it has"
    problem = _describe_text(start) if source.is_text else None
    if problem is None and source.name == JsonLines.name and not _has_object(start):
        return "it is read as jsonl, but no line of its start is an object: give --format text if each is a text"
    if problem is None and source.name in (TextLines.name, JsonLines.name) and _has_other_ends(start):
        return (
            "its lines end with a carriage return alone, as on old Macs, and would be read as one: convert them, for "
            "example with `tr '\\r' '\\n'`"
        )
    return problem


def _has_other_ends(start: bytes) -> bool:
    """Returns whether there are carriage returns and no line feeds. The last one may be a part of what follows."""
    return b"\r" in start[:-1] and b"\n" not in start


def _has_object(start: bytes) -> bool:
    """Returns whether `start` has a line that may be an object of JSON, or too few lines to tell."""
    lines = [line for line in start.removeprefix(BYTE_ORDER_MARK).splitlines() if line.strip()]
    return len(lines) < 2 or any(line.lstrip().startswith(b"{") for line in lines)


def describe_compressed(path: str, source: Source) -> str | None:
    """Returns what is wrong with a file whose name says that it is compressed; None if nothing can be told.

    Args:
      path: of the file.
      source: the format that it is read as.

    Raises:
      OSError: if it can't be opened or read.
    """
    compression = find_compression(path)
    ending = next((one for one in _OTHER_COMPRESSIONS if path.lower().endswith(one)), None)
    if compression is None and ending is None:
        return None
    with open_stored(path) as file:
        start = _read(file)
    if compression is None:
        if not start or _is_text(start) or find_by_content(start) is not None:
            return None  # the name means something else
        return f"its name says that it is compressed, and {ending} is not read: unpack it, or compress it with zstd"
    problem = _describe_anything(start) or (_A_WEB_PAGE if _is_web_page(start) else None)
    if problem is None and not source.is_compressible:
        return f"{source.name} has a compression of its own, and can't be read within another: unpack the file"
    if problem is not None or not compression.magic or start.startswith(compression.magic):
        return problem
    found = recognise_compression(start)
    if found is not None:
        return f"it is compressed with {found.name}, not {compression.name}: let its name end in {found.endings[0]}"
    if start and _is_text(start):
        return f"its name says {compression.name}, but it is text that is not compressed: rename it"
    return None


def describe_guess(path: str, start: bytes, source: Source) -> str | None:
    """Returns what is wrong with a file whose name tells no format, where other files have told that of the run.

    Args:
      path: of the file.
      start: as in `describe_content`.
      source: the format that it is read as.
    """
    path = strip_compression_ending(path)
    if not start or find_by_name(path) is not None:
        return None
    found = guess_by_content(path, start).name
    # The former reads objects one after the other, too.
    if found == source.name or (source.name, found) == (JsonDocuments.name, JsonLines.name):
        return None
    return (
        f"it is read as {source.name}, as other files are, but its content is {found}: give --format {source.name} if "
        "it is that, or leave it out"
    )


def read_start(path: str) -> bytes:
    """Returns the first `START_BYTES` of a file's decompressed content; fewer if it is cut off or damaged there.

    Raises:
      OSError: if it can't be opened or read.
    """
    with open_input(path) as file:
        return _read(file)


def _read(file: Any) -> bytes:
    start = b""
    with contextlib.suppress(BrokenFileError):
        while len(start) < START_BYTES and (piece := file.read(START_BYTES - len(start))):
            start += piece
    return start


def _describe_anything(start: bytes) -> str | None:
    """Describes what is a file of no format, whatever its name says."""
    if start[_TAR_PLACE:].startswith(_TAR):
        return "it is a tar archive: unpack it, and give the files in it"
    return next((said for magic, said in _NO_CORPUS if start.startswith(magic) and _is_no_text(start, magic)), None)


def _is_no_text(start: bytes, magic: bytes) -> bool:
    """Returns whether a file that begins so is no text: "ORC" is a word, too, and bytes of 255 a damaged text."""
    return magic not in (_ORC, _ARROW_STREAM) or b"\0" in start


def _is_web_page(start: bytes) -> bool:
    return start.removeprefix(BYTE_ORDER_MARK).lstrip().lower().startswith(_WEB_PAGE)


def _is_text(start: bytes) -> bool:
    """Returns whether this can be the start of a text; its last character may be cut."""
    return b"\0" not in start and _is_utf8(start)


def _is_utf8(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return True


def _describe_text(start: bytes) -> str | None:
    for name, marks in (("UTF-32", _UTF32), ("UTF-16", _UTF16)):
        if start.startswith(marks):
            return f"its text is {name}: convert it to UTF-8, for example with `iconv -f {name} -t UTF-8`"
    if b"\0" not in start or (_is_utf8(start) and start.count(0) * MAX_NUL_SHARE <= len(start)):
        return None  # a stray one costs its record at most
    name, order = _guess_encoding(start)
    return (
        f"its content has NUL bytes: it is binary, or {name} without a byte-order mark; convert it to UTF-8, for "
        f"example with `iconv -f {name}{order} -t UTF-8`, or leave it out"
    )


def _guess_encoding(start: bytes) -> tuple[str, str]:
    """Guesses the encoding of a text with NUL bytes, and its order: of four bytes of UTF-32 mostly three are NUL."""
    width = 32 if start.count(0) > len(start) / 2 else 16
    first, last = start[:: width // 8].count(0), start[width // 8 - 1 :: width // 8].count(0)
    return f"UTF-{width}", "BE" if first > last else "LE"
