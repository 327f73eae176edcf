"""`FileRange`: what one worker reads of a file."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.records.content_id import hash_content
from albert_embed.pipeline.storage.file_version import FileVersion
from albert_embed.pipeline.storage.paths import encode_path


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileRange:
    """What one worker reads of a file.

    Attributes:
      path: of the file.
      name: of the file within the input, the same wherever the input lies (`InputFile`).
      start: the records that start from this byte on,
      stop: and before this one; None for all.
      stored_bytes: how much of the file, as it is stored, this is; 0 where nobody needs to know.
      version: of the file when it was listed.
    """

    path: str
    name: str
    start: int = 0
    stop: int | None = None
    stored_bytes: int = dataclasses.field(default=0, compare=False)
    version: FileVersion = dataclasses.field(default=FileVersion(), compare=False)

    @property
    def key(self) -> bytes:
        """A hash of 16 bytes, the same in every run that reads this range of this file."""
        return hash_content(encode_path(self.path), f"{self.start}-{self.stop}".encode())
