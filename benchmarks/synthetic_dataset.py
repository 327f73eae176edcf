"""A finished output of invented vectors, written by this project's own writers: for measuring search, and its tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.pipeline.commit.transaction import Transaction
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.provenance import TransformProvenance
from albert_embed.pipeline.dataset.read_embeddings import read_embeddings
from albert_embed.pipeline.formats.registry import make_formats
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.incremental.add_generation import add_generation
from albert_embed.pipeline.settings.embed_choices import Encoding
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts, count_shard
from albert_embed.pipeline.shards.shard import Shard, list_data_files, list_index_files
from albert_embed.pipeline.writers.shard_writer import ShardWriter
from albert_embed.transforms.rows.columns import ID
from tests.pipeline.made_manifest import make_manifest, write_tombstones


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows.

    Attributes:
      ids: of their documents; rows that follow each other with one id are windows of one document.
      vectors: `[rows, width]` float32.
    """

    ids: Sequence[str]
    vectors: npt.NDArray[np.float32]


class SyntheticDataset:
    """An output with `mean_output` alone, and rows of one token.

    Args:
      directory: where it is written.
      width: of its vectors.
      encoding: of its vectors.
      sink: its format.
    """

    def __init__(self, directory: str, *, width: int, encoding: Encoding = "float_list", sink: str = "parquet") -> None:
        self.directory = directory
        self._schema = RowSchema(embeddings=("mean_output",), hidden_size=width, encoding=encoding)
        self._sink = sink

    def publish(self, shards: Iterable[Iterable[Rows]]) -> Manifest:
        """Publishes an output, or replaces it, with one shard for each of `shards`."""
        transaction = Transaction(self.directory)
        transaction.begin(overwrite=True)
        return self._commit(transaction, shards, previous=None, dead=())

    def add(self, shards: Iterable[Iterable[Rows]], *, dead: Sequence[str]) -> Manifest:
        """Adds a generation, which supersedes all rows of the ids `dead`."""
        transaction = Transaction(self.directory)
        previous = transaction.begin(overwrite=False, add=True)
        return self._commit(transaction, shards, previous=previous, dead=dead)

    def _commit(
        self,
        transaction: Transaction,
        shards: Iterable[Iterable[Rows]],
        *,
        previous: Manifest | None,
        dead: Sequence[str],
    ) -> Manifest:
        staging = transaction.staging
        formats = make_formats([self._sink], self._schema)
        written = []
        for number, shard in enumerate(shards):
            writer = ShardWriter(staging.path, formats)
            for rows in shard:
                writer.write(_make_batch(rows))
            written.append(dataclasses.replace(writer.finish(), digest=f"{number:06d}"))
        manifest = self._make_manifest(written)
        if previous is not None:
            ids = {id_.encode() for id_ in dead}
            content = write_tombstones(ids)
            staging.write("tombstones.parquet", content)
            tombstones = [DataFile(path=f"{staging.run}/tombstones.parquet", bytes=len(content))]
            superseded = self._count(ids)
            manifest = add_generation(previous, manifest, tombstone_shards=tombstones, dead=superseded)
        published = transaction.commit(manifest, {})
        transaction.end()
        return published

    def _count(self, ids: set[bytes]) -> RowCounts:
        found = [id_ for batch in read_embeddings(self.directory) for id_ in batch.column(ID).to_pylist() if id_ in ids]
        return RowCounts(documents=len(set(found)), rows=len(found), tokens=len(found), truncated=0)

    def _make_manifest(self, shards: list[Shard]) -> Manifest:
        return make_manifest(
            sum(map(count_shard, shards), RowCounts()),
            shards=list_data_files(shards),
            index_shards=list_index_files(shards),
            embeddings=list(self._schema.embeddings),
            hidden_size=self._schema.hidden_size,
            encoding=self._schema.encoding,
            transform=TransformProvenance(fingerprint="none", options={"pair": False}),
            options={"embeddings": ["mean"]},
        )


def _make_batch(rows: Rows) -> pa.RecordBatch:
    """Returns rows as the model's handler gives them, each with one token."""
    count, width = rows.vectors.shape
    windows, counts = _number_windows(rows.ids)
    ones = pa.array(np.ones(count, np.int64))
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array([id_.encode() for id_ in rows.ids], pa.binary()),
            "content_hash": pa.array([b"%016d" % 0] * count, pa.binary(16)),
            "window": pa.array(windows, pa.int64()),
            "window_count": pa.array(counts, pa.int64()),
            "window_start": pa.array(windows, pa.int64()),
            "truncated": pa.array(np.zeros(count, np.int64)),
            "input_ids": pa.LargeListArray.from_arrays(pa.array(np.arange(count + 1)), ones),
            "segment_ids": pa.LargeListArray.from_arrays(pa.array(np.arange(count + 1)), ones),
            "mean_output": pa.LargeListArray.from_arrays(
                pa.array(np.arange(count + 1) * width), pa.array(np.ascontiguousarray(rows.vectors).reshape(-1))
            ),
        }
    )


def _number_windows(ids: Sequence[str]) -> tuple[list[int], list[int]]:
    """Returns the number of each row among those of its document, and how many that document has here."""
    windows: list[int] = []
    for place, id_ in enumerate(ids):
        windows.append(windows[-1] + 1 if place and ids[place - 1] == id_ else 0)
    totals = {id_: window + 1 for id_, window in zip(ids, windows, strict=True)}
    return windows, [totals[id_] for id_ in ids]


def make_vectors(rows: int, width: int, generator: np.random.Generator) -> Iterator[npt.NDArray[np.float32]]:
    """Yields vectors that resemble embeddings, in blocks of up to 10,000: near to a subspace, and to a common mean.

    Args:
      rows: how many in all.
      width: of each.
      generator: of random numbers; the subspace is the same for the same width.
    """
    shape = np.random.default_rng(width)
    rank = min(width, 64)
    basis = shape.standard_normal((rank, width)).astype(np.float32) * np.linspace(1, 0.1, rank)[:, np.newaxis]
    mean = shape.standard_normal(width)
    for start in range(0, rows, 10_000):
        count = min(10_000, rows - start)
        inside = generator.standard_normal((count, rank), np.float32) @ basis.astype(np.float32)
        noise = generator.standard_normal((count, width), np.float32)
        yield (inside + 0.5 * noise + mean).astype(np.float32)
