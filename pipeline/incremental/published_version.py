"""`PublishedVersion`: the version of a dataset that documents are compared with; a worker lists its files."""

from __future__ import annotations

import dataclasses

from albert_embed.pipeline.dataset.published_output import PublishedFile, find_files
from albert_embed.pipeline.dataset.versions import read_version


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedVersion:
    """A version of a dataset. It names no file, because a pipeline's graph has no room for many thousands.

    Attributes:
      directory: the dataset's.
      number: of the version.
    """

    directory: str
    number: int

    def list_index(self) -> list[PublishedFile]:
        """Reads the version, and lists its index files."""
        return find_files(self.directory, read_version(self.directory, self.number).index_shards)

    def list_tombstones(self) -> list[PublishedFile]:
        """Reads the version, and lists its files of tombstones."""
        return find_files(self.directory, read_version(self.directory, self.number).tombstone_shards)
