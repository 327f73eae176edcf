"""Paths as users write them, as bytes, and as messages show them."""

from __future__ import annotations

import os
import urllib.parse

_FILE_URL = "file://"


def expand_path(path: str) -> str:
    """Returns a path as the other functions take it: `file://` URLs as local paths, `~` as the home folder.

    Raises:
      ValueError: if a URL names a file of another machine.
    """
    if path.lower().startswith(_FILE_URL):
        local = path[len(_FILE_URL) :].removeprefix("localhost")
        if not local.startswith("/"):
            raise ValueError(f"{path} names a file of another machine; give file:///PATH for one of this machine")
        return urllib.parse.unquote(local)
    return os.path.expanduser(path)


def encode_path(path: str) -> bytes:
    """Returns the bytes of a path as the file system has them: they need not be UTF-8."""
    return path.encode("utf-8", "surrogateescape")


def show_path(path: str) -> str:
    """Returns a path that can always be written, bytes that are not UTF-8 as `\\xNN`."""
    return encode_path(path).decode("utf-8", "backslashreplace")
