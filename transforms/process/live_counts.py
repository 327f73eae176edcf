"""`LiveCounts`: what the processes of a run on this machine have counted so far, for whoever watches it.

Beam's metrics of a worker come when a bundle ends, which may be after an hour, and the in-process runner gives none
before its end. So each process keeps its counts in a small file that is mapped into memory too: an addition costs about
a microsecond, and the watching process reads the files.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

# The folder of the files. Worker processes that a runner starts here inherit it; where it is not set, nothing is kept.
FOLDER_VARIABLE = "ALBERT_EMBED_LIVE_COUNTS"
_BYTES = 8  # of a count


class LiveCounts:
    """The counts of this process, in a file of its own. Thread-safe.

    Args:
      names: of the counts that are kept.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._lock = threading.Lock()
        self._folder = ""
        self._values: memoryview | None = None

    def add(self, name: str, by: int) -> None:
        """Adds to a count, where it is one that is kept and somebody watches. Whatever goes wrong, the run goes on."""
        folder = os.environ.get(FOLDER_VARIABLE)
        place = self._places.get(name)
        if not folder or place is None:
            return
        with self._lock:
            if folder != self._folder:
                self._folder = folder
                self._values = self._open(folder)
            if self._values is not None:
                self._values[place] += by

    def read(self, folder: str) -> dict[str, int]:
        """Returns name → the sum over all processes that have counted anything; nothing where none has yet."""
        layout = struct.Struct(f"={len(self._places)}q")
        totals = [0] * len(self._places)
        found = False
        with contextlib.suppress(OSError):  # the folder goes when the run ends
            for file in Path(folder).iterdir():
                content = file.read_bytes()
                if len(content) == layout.size:
                    found = True
                    totals = [total + value for total, value in zip(totals, layout.unpack(content), strict=True)]
        return dict(zip(self._places, totals, strict=True)) if found else {}

    def _open(self, folder: str) -> memoryview | None:
        size = _BYTES * len(self._places)
        try:
            with open(Path(folder, f"{os.getpid()}-{uuid.uuid4().hex}"), "xb+") as file:
                file.truncate(size)
                return memoryview(mmap.mmap(file.fileno(), size)).cast("q")
        except OSError:  # such as a worker that sees no folder of the machine that has started the run
            return None


@contextlib.contextmanager
def share_counts() -> Iterator[str]:
    """Has this process, and those that it starts in the `with` block, keep their counts; yields the folder."""
    before = os.environ.get(FOLDER_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="albert-embed-counts-", ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER_VARIABLE] = folder
        try:
            yield folder
        finally:
            if before is None:
                os.environ.pop(FOLDER_VARIABLE, None)
            else:
                os.environ[FOLDER_VARIABLE] = before
