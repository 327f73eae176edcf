"""`Shard`: what is known about some rows that were written, in one file for each format."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping

from albert_embed.pipeline.shards.data_file import DataFile

DATA_PREFIX = "embeddings"
INDEX_PREFIX = "index"
INDEX_FORMAT = "parquet"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shard:
    """A finished shard: the same rows in the same order in each of its files and in its index.

    Attributes:
      name: a hash of its rows' keys and something random; a part of its files' names.
      file_bytes: format → size of the file in that format, in the order of the sinks.
      rows, documents, tokens, truncated: as in `pipeline.shards.statistics.Statistics`.
    """

    name: str
    file_bytes: dict[str, int]
    rows: int
    documents: int
    tokens: int
    truncated: int

    def data_file(self, format_name: str) -> str:
        """Returns the name of its file in a format."""
        return f"{DATA_PREFIX}-{self.name}.{format_name}"

    @property
    def index_file(self) -> str:
        """Name of its index file, which is there only if the shard is complete."""
        return f"{INDEX_PREFIX}-{self.name}.{INDEX_FORMAT}"

    @property
    def files(self) -> list[str]:
        """Names of all its files."""
        return [*(self.data_file(name) for name in self.file_bytes), self.index_file]

    def to_json(self) -> str:
        """Returns one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(line: str | bytes) -> Shard:
        """Reads what `to_json` wrote."""
        return Shard(**json.loads(line))


def list_data_files(shards: Iterable[Shard]) -> list[DataFile]:
    """Lists every data file, by sink, then by name."""
    in_order = sorted(shards, key=lambda shard: shard.name)
    formats = list(in_order[0].file_bytes) if in_order else []
    return [
        DataFile(path=shard.data_file(name), bytes=shard.file_bytes[name], format=name, rows=shard.rows)
        for name in formats
        for shard in in_order
    ]


def list_index_files(shards: Iterable[Shard], sizes: Mapping[str, int]) -> list[DataFile]:
    """Lists every index file, by name.

    Args:
      shards: finished.
      sizes: name → bytes of the files that are there.
    """
    return [
        DataFile(path=shard.index_file, bytes=sizes[shard.index_file], rows=shard.rows)
        for shard in sorted(shards, key=lambda shard: shard.name)
    ]
