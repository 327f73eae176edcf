"""What a run that was cut off has finished: the complete shards, their keys, and their rows."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.commit.staging import StagingFolder, list_staged
from albert_embed.pipeline.formats.registry import FORMATS, make_format
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.resume.run_record import RunRecord, list_differences
from albert_embed.pipeline.shards.keys import find_keys, make_keys, row_keys
from albert_embed.pipeline.shards.read_indexed import read_indexed_rows
from albert_embed.pipeline.shards.shard import INDEX_FORMAT, INDEX_PREFIX, Shard
from albert_embed.pipeline.shards.shard_index import read_index

logger = logging.getLogger(__name__)


def choose_finished_shards(
    directory: str, runs: Sequence[str], before: RunRecord, fingerprint: dict[str, Any] | None
) -> list[Shard]:
    """Chooses the finished shards of runs that were cut off that a run can use, and logs what is used or dropped.

    Args:
      directory: the dataset's.
      runs: the runs that were cut off.
      before: the last of them.
      fingerprint: of the run that is to use them.
    """
    shards = find_finished_shards(directory, runs, may_overlap=not before.retries)
    if not shards:
        return []
    rows = sum(shard.rows for shard in shards)
    if fingerprint is None or before.fingerprint is None:
        logger.info("%d rows of a run that was cut off are embedded again: its input can't be compared", rows)
        return []
    differences = list_differences(before.fingerprint, fingerprint)
    if differences:
        what = ", ".join(differences)
        logger.info("%d rows of a run that was cut off are embedded again, because these have changed: %s", rows, what)
        return []
    logger.info("%d rows in %d shards of a run that was cut off are used again", rows, len(shards))
    return shards


def find_finished_shards(directory: str, runs: Sequence[str], *, may_overlap: bool) -> list[Shard]:
    """Finds the complete shards of runs: their index is there, and their data files with the sizes in it.

    Args:
      directory: the dataset's, on any file system that Beam knows.
      runs: which runs.
      may_overlap: whether shards may have rows in common. Where no bundle was ever run twice, these are documents that
        the corpus repeats. Else they can be two attempts at the same rows: of shards with a row in common, only the
        first by name is used.
    """
    staged = list_staged(directory)
    taken: list[Shard] = []
    keys: set[bytes] = set()
    for run in runs:
        sizes = {file.name: file.bytes for file in staged.get(run, [])}
        for name in sorted(sizes):
            if not (name.startswith(f"{INDEX_PREFIX}-") and name.endswith(f".{INDEX_FORMAT}")):
                continue
            try:
                shard, index = _open_index(StagingFolder(directory=directory, run=run).join(name))
            except ValueError as e:
                logger.warning("%s is not used: %s", name, e)
                continue
            if shard.index_file != name or any(
                sizes.get(shard.data_file(format_name)) != size for format_name, size in shard.file_bytes.items()
            ):
                continue  # the run was killed while it published
            if not may_overlap:
                own = set(_index_keys(index))
                if len(own) < shard.rows or not keys.isdisjoint(own):
                    continue
                keys |= own
            taken.append(dataclasses.replace(shard, run=run, index_bytes=sizes[name]))
    return taken


def _open_index(path: str) -> tuple[Shard, pa.Table]:
    with FileSystems.open(path, compression_type="uncompressed") as file:
        return read_index(file)


def _index_keys(index: pa.Table) -> list[bytes]:
    return [key for batch in index.to_batches() for key in row_keys(batch)]


class FinishedKeys:
    """The keys of all finished rows: 20 bytes for each different key. (Loading them takes 80 bytes per row, measured.)

    Attributes:
      keys: `[keys]` of 16 bytes, sorted, each once.
      counts: `[keys]` int32, how many rows have it.
    """

    def __init__(self, keys: np.ndarray) -> None:
        self.keys, counts = np.unique(keys, return_counts=True)
        self.counts = counts.astype(np.int32)

    def find(self, keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Finds which of `keys` are there, and where.

        Returns:
          `[len(keys)]` bool, and the positions in `self.keys` of those that are there, int64.
        """
        positions = find_keys(self.keys, make_keys(keys))
        there = positions >= 0
        return there, positions[there]


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinishedRows:
    """The rows of finished shards, for the workers to read.

    Attributes:
      directory: the dataset's.
      shards: which shards.
      schema: of the rows.
    """

    directory: str
    shards: tuple[Shard, ...]
    schema: RowSchema

    @property
    def readable_format(self) -> str | None:
        """The format from which the rows can be read back; None where there are only load files for BigQuery."""
        names = [name for shard in self.shards[:1] for name in shard.file_bytes if name in FORMATS]
        return names[0] if names else None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(shard.rows for shard in self.shards)

    def load_keys(self) -> FinishedKeys:
        """Reads the keys of all rows from the indexes."""
        parts = [make_keys(self.load_shard_keys(shard)) for shard in self.shards]
        return FinishedKeys(np.concatenate([make_keys([]), *parts]))

    def load_shard_keys(self, shard: Shard) -> list[bytes]:
        """Reads the keys of one shard's rows, in their order."""
        return _index_keys(_open_index(self._locate(shard, shard.index_file))[1])

    def read(self, shard: Shard) -> Iterator[pa.RecordBatch]:
        """Yields the rows of one shard as they were written, with `content_hash` and `window_count`.

        Raises:
          ValueError: if there is no format from which they can be read back.
        """
        format_name = self.readable_format
        if format_name is None:
            raise ValueError(f"{shard.index_file} belongs to a shard whose rows can't be read back")
        yield from read_indexed_rows(
            self._locate(shard, shard.data_file(format_name)),
            self._locate(shard, shard.index_file),
            make_format(format_name, self.schema),
        )

    def _locate(self, shard: Shard, name: str) -> str:
        return StagingFolder(directory=self.directory, run=shard.run).join(name)
