"""Folders of this machine where costly things are kept from one run to the next."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

CACHE_VARIABLE = "ALBERT_EMBED_CACHE"


def open_cache_folder(kind: str, *, below: str = "") -> Path:
    """Returns a folder of this user alone, where nobody else can put files; makes it where it is missing.

    Args:
      kind: of what is kept, for the name of a folder among those for temporary files: `albert-embed-<kind>-<user>`.
      below: the name of the folder below `ALBERT_EMBED_CACHE`, where that is set; "" for that folder itself.

    Raises:
      PermissionError: if it belongs to another user.
      OSError: if it can't be made.
    """
    given = os.environ.get(CACHE_VARIABLE)
    folder = Path(given, below) if given else Path(tempfile.gettempdir()) / f"albert-embed-{kind}-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user; name a folder of your own in {CACHE_VARIABLE}")
    return folder


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Holds the lock while the `with` block runs; waits for it first. A process that dies releases it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
