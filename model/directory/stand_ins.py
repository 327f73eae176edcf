"""Files in the place of a model's own: Git LFS pointers, web pages, unfinished downloads, links to nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: the first line of every pointer, which has at most 1,024
# bytes.
_LFS_FIRST_LINE = b"version https://git-lfs.github.com/spec/"
_LFS_SIZE = re.compile(rb"^size (\d+)$", re.MULTILINE)
_WEB_PAGE = re.compile(rb"^\s*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE)
# Names that browsers, curl-like tools and the Hugging Face client give to a file until it is complete.
_UNFINISHED_SUFFIXES = (".part", ".partial", ".incomplete", ".crdownload", ".download", ".aria2", ".unfinished")
_LOOKED_AT_BYTES = 1024


class StandInError(ValueError):
    """A file is not what its name says, but only something in its place."""


def refuse_stand_ins(directory: Path) -> None:
    """Refuses a model's directory if a file in it, or in one of its folders, is only in the place of the real one.

    Raises:
      StandInError: naming the first such file, what it is, and how to get the real one.
    """
    for file in _list_files(directory):
        refuse_stand_in(file)


def refuse_stand_in(file: Path) -> None:
    """Raises StandInError if a file is only in the place of the real one, with what it is and how to get that."""
    if _is_broken_link(file):
        raise StandInError(
            f"{file} is a link to {os.readlink(file)}, where there is nothing; copy the model with what its links "
            "point to (cp -rL), or download it again"
        )
    if file.name.endswith(_UNFINISHED_SUFFIXES):
        raise StandInError(f"{file} is a download that was not finished; finish it, or delete it and download again")
    with file.open("rb") as content:
        start = content.read(_LOOKED_AT_BYTES)
    if start.startswith(_LFS_FIRST_LINE):
        size = _LFS_SIZE.search(start)
        real = f"the {int(size[1]):,} bytes of the file itself were" if size else "the file itself was"
        raise StandInError(
            f"{file} is a Git LFS pointer: {real} never fetched; run `git lfs install && git lfs pull` in its folder"
        )
    if file.suffix not in (".html", ".htm", ".md") and _WEB_PAGE.match(start):
        raise StandInError(
            f'{file} is a web page and not the file of that name; download the file itself (a site\'s "raw" or '
            '"download" link)'
        )


def _list_files(directory: Path) -> Iterator[Path]:
    """Yields the files in `directory` and in its folders, no deeper: a model has none there."""
    for entry in sorted(directory.iterdir()):
        if entry.is_file() or _is_broken_link(entry):
            yield entry
        elif entry.is_dir() and not entry.name.startswith("."):
            yield from sorted(file for file in entry.iterdir() if file.is_file() or _is_broken_link(file))


def _is_broken_link(path: Path) -> bool:
    return path.is_symlink() and not path.exists()
