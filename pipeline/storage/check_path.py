"""Whether a path that a command names can be one, told before anything is read or written."""

from __future__ import annotations

import re

from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.storage.paths import show_path
from albert_embed.transforms.files.create_file import CREATING_SCHEMES, can_create
from albert_embed.transforms.files.directories import is_remote

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_path(path: str, *, named: str) -> None:
    """Checks a path that is read. It may have any bytes that a file system allows.

    Args:
      path: as it is given.
      named: what names it on the command line.

    Raises:
      ValueError: if it is empty, or has a NUL byte, which no file system allows.
    """
    if not path:
        raise ValueError(f"{named} has an empty path; is a variable of the shell not set?")
    if "\0" in path:
        raise ValueError(f"{named} is {show_path(path)!r}, which has a NUL byte: no path has one; give another")


def check_utf8(path: str, *, named: str) -> None:
    """Raises OutputError if a path that TensorFlow opens is not UTF-8.

    Args:
      path: as it is given.
      named: what names it on the command line.
    """
    try:
        path.encode()
    except UnicodeEncodeError as e:
        raise OutputError(
            f"{named} {show_path(path)} is not UTF-8, and TensorFlow opens no other paths; give another, or where it "
            "is UTF-8, start with a locale that says so, such as LC_ALL=C.UTF-8"
        ) from e


def check_destination(path: str, *, named: str) -> None:
    """Checks a path that is written, a directory's or a file's.

    It must be UTF-8 without control characters, because TensorFlow, Parquet, object stores and what reads logs take no
    others; and where a file can be created on condition that there is none, by which of two runs only one publishes.

    Args:
      path: as it is given.
      named: what names it on the command line.

    Raises:
      OutputError: if it is not.
    """
    check_utf8(path, named=named)
    shown = show_path(path)
    if _CONTROLS.search(path):
        raise OutputError(f"{named} is {shown!r}, which has control characters; give a path without any")
    if is_remote(path) and not can_create(path):
        scheme = path.partition("://")[0]
        raise OutputError(
            f"{named} is {shown}: nothing is written to {scheme}://, where two runs could publish at once; give a "
            f"local path, or one that starts with {' or '.join(CREATING_SCHEMES)}"
        )
