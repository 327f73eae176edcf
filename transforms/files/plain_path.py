"""`plain_path`: a name without special characters for a directory that TensorFlow is to read."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

_SPECIAL = frozenset("*?[]\\")


@contextlib.contextmanager
def plain_path(directory: str) -> Iterator[str]:
    """Yields a path of a local directory that TensorFlow, which takes paths for patterns, finds.

    It is the directory itself, or, while the `with` block runs, a link to it.
    """
    if not _SPECIAL & set(directory):
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="albert-embed-") as folder:
        link = os.path.join(folder, "directory")
        os.symlink(os.path.abspath(directory), link)
        yield link
