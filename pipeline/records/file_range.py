"""`FileRange`: what one worker reads of a file."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileRange:
    """What one worker reads of a file.

    Attributes:
      path: of the file.
      name: of the file within the input, the same wherever the input lies (`InputFile`).
      start: the records that start from this byte on,
      stop: and before this one; None for all.
    """

    path: str
    name: str
    start: int = 0
    stop: int | None = None
