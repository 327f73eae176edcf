"""Whether a file can be what its name says, told from its first bytes."""

from __future__ import annotations

import codecs
import contextlib

from albert_embed.pipeline.sources.json_documents import JsonDocuments
from albert_embed.pipeline.sources.json_lines import JsonLines
from albert_embed.pipeline.sources.registry import find_by_content, find_by_name, guess_by_content
from albert_embed.pipeline.sources.source import START_BYTES, Source
from albert_embed.pipeline.storage.compression import recognise_compression
from albert_embed.pipeline.storage.open_input import BrokenFileError, open_input, strip_compression_ending

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_ZIP = b"PK\x03\x04"
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def describe_content(start: bytes, source: Source) -> str | None:
    """Returns what is wrong with a file, and what to do; None if nothing can be told.

    Args:
      start: the first `START_BYTES` of its decompressed content.
      source: the format that it is read as.
    """
    if start.startswith(_LFS_POINTER):
        return "it is a Git LFS pointer, not the file itself: fetch that with `git lfs pull`"
    if start.startswith(_ZIP):
        return "it is a ZIP archive: unpack it, and give the files in it"
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
    return _describe_text(start) if source.is_text else None


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
    start = b""
    with open_input(path) as file, contextlib.suppress(BrokenFileError):
        while len(start) < START_BYTES and (piece := file.read(START_BYTES - len(start))):
            start += piece
    return start


def _describe_text(start: bytes) -> str | None:
    for name, marks in (("UTF-32", _UTF32), ("UTF-16", _UTF16)):
        if start.startswith(marks):
            return f"its text is {name}: convert it to UTF-8, for example with `iconv -f {name} -t UTF-8`"
    if b"\0" in start:
        return (
            "its content has NUL bytes: it is binary, or UTF-16 without a byte-order mark; convert it to UTF-8, for "
            "example with `iconv -f UTF-16LE -t UTF-8`, or leave it out"
        )
    return None
