"""`look_into_files`: looks into the files of a run before it, several at a time, and into some where there are many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

MAX_FILES = 1000  # a look into a file in a bucket takes some 50 ms
_READERS = 16

Found = TypeVar("Found")


def look_into_files(paths: Sequence[str], look: Callable[[str], Found]) -> Iterator[tuple[str, Found]]:
    """Yields paths in their order, with what `look` finds there; of more than `MAX_FILES` that many, evenly spread.

    Raises:
      Exception: what `look` raises.
    """
    some = paths[:: -(-len(paths) // MAX_FILES) or 1]
    with ThreadPoolExecutor(_READERS) as readers:
        yield from zip(some, readers.map(look, some), strict=True)
