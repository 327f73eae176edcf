"""`Shard`: what is known about some rows that were written, in one file for each format."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable

from albert_embed.pipeline.shards.data_file import DataFile

DATA_PREFIX = "embeddings"
INDEX_PREFIX = "index"
INDEX_FORMAT = "parquet"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shard:
    """A finished shard: the same rows in the same order in each of its files and in its index.

    Attributes:
      name: random; a part of its files' names.
      run: the name of the run that has staged it, and so of the folder that it is in.
      digest: a hash of its rows' keys, by which shards are sorted.
      file_bytes: format → size of the file in that format, in the order of the sinks.
      index_bytes: size of its index; 0 in the index itself.
      rows, documents, tokens, truncated: as in `pipeline.shards.row_counts.RowCounts`.
    """

    name: str
    run: str
    digest: str
    file_bytes: dict[str, int]
    index_bytes: int = 0
    rows: int
    documents: int
    tokens: int
    truncated: int

    def data_file(self, format_name: str) -> str:
        """Returns the name of its file in a format, in the folder of its run."""
        return name_data_file(self.name, format_name)

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


def name_data_file(name: str, format_name: str) -> str:
    """Returns the name of the file of a shard of this name in a format."""
    return f"{DATA_PREFIX}-{name}.{format_name}"


def sort_shards(shards: Iterable[Shard]) -> list[Shard]:
    """Sorts shards by their rows, the same in every run."""
    return sorted(shards, key=lambda shard: (shard.digest, shard.name))


def list_data_files(shards: Iterable[Shard]) -> list[DataFile]:
    """Lists every data file, by sink, then by the order of the shards; its path is in the folder of its run."""
    in_order = sort_shards(shards)
    formats = list(in_order[0].file_bytes) if in_order else []
    return [
        DataFile(
            path=f"{shard.run}/{shard.data_file(name)}", bytes=shard.file_bytes[name], format=name, rows=shard.rows
        )
        for name in formats
        for shard in in_order
    ]


def list_index_files(shards: Iterable[Shard]) -> list[DataFile]:
    """Lists every index file, in the order of the shards; its path is in the folder of its run."""
    return [
        DataFile(path=f"{shard.run}/{shard.index_file}", bytes=shard.index_bytes, rows=shard.rows)
        for shard in sort_shards(shards)
    ]
