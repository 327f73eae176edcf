"""Invented rows, of the same form as the handler's, for the tests of writing and reading."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from albert_embed.model.architecture.padded_batch import float_lists
from albert_embed.pipeline.commit.transaction import Transaction
from albert_embed.pipeline.dataset.layout import ROWS_SCHEMA_FILE
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.formats import registry
from albert_embed.pipeline.formats.feature_schema import describe_features
from albert_embed.pipeline.formats.row_format import RowFormat, WritableFormat
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.incremental.add_generation import add_generation
from albert_embed.pipeline.settings.embed_choices import Encoding
from albert_embed.pipeline.settings.field_type import FieldType
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.row_counts import RowCounts
from albert_embed.pipeline.shards.shard import Shard, list_data_files, list_index_files
from albert_embed.pipeline.writers.shard_writer import ShardWriter
from tests.pipeline import made_manifest

HIDDEN = 3
EMBEDDINGS = ["pooled_output", "sequence_output", "mean_output"]
NOTHING_DEAD = RowCounts()


def make_rows(lengths: list[int], *, first: int = 0, **columns: pa.Array) -> pa.RecordBatch:
    """Returns a row of so many tokens for each of `lengths`, with all three embeddings and the given `columns`."""
    rows, tokens = len(lengths), sum(lengths)
    numbers = range(first, first + rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    values = np.arange(tokens, dtype=np.int64) + 100 * first
    sequence = (values[:, np.newaxis] / 8 + np.array([0, 0.5, 0.25])).astype(np.float32)
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array([b"row %d" % number for number in numbers], pa.binary()),
            **columns,
            "content_hash": pa.array([b"%016d" % number for number in numbers], pa.binary(16)),
            "window": pa.array(np.zeros(rows, np.int64)),
            "window_count": pa.array(np.ones(rows, np.int64)),
            "window_start": pa.array(np.zeros(rows, np.int64)),
            "truncated": pa.array([number % 2 for number in numbers], pa.int64()),
            "input_ids": pa.LargeListArray.from_arrays(offsets, pa.array(values)),
            "segment_ids": pa.LargeListArray.from_arrays(offsets, pa.array(values * 0)),
            "pooled_output": float_lists(np.arange(rows * HIDDEN, dtype=np.float32) / 4, np.full(rows, HIDDEN)),
            "sequence_output": float_lists(sequence, np.array(lengths) * HIDDEN),
            "mean_output": float_lists(-np.arange(rows * HIDDEN, dtype=np.float32), np.full(rows, HIDDEN)),
        }
    )


def make_schema(encoding: Encoding = "float_list", kept: Mapping[str, FieldType] | None = None) -> RowSchema:
    """The schema of these rows."""
    return RowSchema(embeddings=tuple(EMBEDDINGS), hidden_size=HIDDEN, encoding=encoding, kept=kept or {})


def make_formats(
    sinks: Sequence[str], encoding: Encoding = "float_list", kept: Mapping[str, FieldType] | None = None
) -> list[RowFormat]:
    """Returns the formats for these rows."""
    return registry.make_formats(sinks, make_schema(encoding, kept))


def write_shard(directory: str, rows: pa.RecordBatch, formats: Sequence[WritableFormat]) -> Shard:
    """Writes these rows."""
    shard = ShardWriter(directory, formats)
    shard.write(rows)
    return shard.finish()


def order_shard(shard: Shard, number: int) -> Shard:
    """Returns a shard with a place: published shards are numbered, and read, by their digests."""
    return dataclasses.replace(shard, digest=f"{number:05d}")


def make_manifest(rows: list[pa.RecordBatch], encoding: str, shards: Sequence[Shard] = (), **changes: Any) -> Manifest:
    """Returns the manifest of what is staged."""
    fields: dict[str, Any] = {
        "shards": list_data_files(shards),
        "index_shards": list_index_files(shards),
        "embeddings": EMBEDDINGS,
        "hidden_size": HIDDEN,
        "encoding": encoding,
    }
    return made_manifest.make_manifest(count_made(rows), **{**fields, **changes})


def publish_rows(
    directory: Path,
    rows: list[pa.RecordBatch],
    *,
    encoding: Encoding = "float_list",
    sinks: Sequence[str] = ("tfrecord",),
    kept: Mapping[str, FieldType] | None = None,
    failures: list[str] | None = None,
) -> Manifest:
    """Publishes a finished output, with one shard for each batch."""
    transaction = Transaction(str(directory))
    transaction.begin(overwrite=True)
    return _publish(transaction, rows, encoding=encoding, sinks=sinks, kept=kept, failures=failures)


def add_rows(
    directory: Path,
    rows: list[pa.RecordBatch],
    dead: list[pa.RecordBatch],
    *,
    encoding: Encoding = "float_list",
    sinks: Sequence[str] = ("tfrecord",),
    kept: Mapping[str, FieldType] | None = None,
) -> Manifest:
    """Adds a generation to a finished output, which supersedes the documents of the rows `dead`."""
    transaction = Transaction(str(directory))
    previous = transaction.begin(overwrite=False, add=True)
    ids = {id_ for batch in dead for id_ in batch.column("id").to_pylist()}
    transaction.staging.write("tombstones.parquet", made_manifest.write_tombstones(ids))
    return _publish(
        transaction, rows, encoding=encoding, sinks=sinks, kept=kept, previous=previous, dead=count_made(dead)
    )


def count_made(rows: Sequence[pa.RecordBatch]) -> RowCounts:
    """Returns the counts of these rows, each the only one of its document."""
    return RowCounts(
        documents=sum(batch.num_rows for batch in rows),
        rows=sum(batch.num_rows for batch in rows),
        tokens=sum(len(batch.column("input_ids").flatten()) for batch in rows),
        truncated=sum(batch.column("truncated").sum().as_py() or 0 for batch in rows),
    )


def _publish(
    transaction: Transaction,
    rows: list[pa.RecordBatch],
    *,
    encoding: Encoding,
    sinks: Sequence[str],
    kept: Mapping[str, FieldType] | None,
    failures: list[str] | None = None,
    previous: Manifest | None = None,
    dead: RowCounts = NOTHING_DEAD,
) -> Manifest:
    formats, staging = make_formats(sinks, encoding, kept), transaction.staging
    shards = [order_shard(write_shard(staging.path, batch, formats), number) for number, batch in enumerate(rows)]
    staging.write("failures.jsonl", "".join(f"{line}\n" for line in failures or []).encode())
    manifest = make_manifest(
        rows,
        encoding,
        shards,
        options={"keep_fields": [f"{name}:{type_}" for name, type_ in (kept or {}).items()]},
        failure_shards=[stage_file(transaction, "failures.jsonl")],
    )
    if failures:
        manifest = dataclasses.replace(manifest, counts=dataclasses.replace(manifest.counts, failures=len(failures)))
    if previous is not None:
        tombstones = [stage_file(transaction, "tombstones.parquet")]
        manifest = add_generation(previous, manifest, tombstone_shards=tombstones, dead=dead)
    published = transaction.commit(manifest, {ROWS_SCHEMA_FILE: describe_features(make_schema(encoding))})
    transaction.end()
    return published


def stage_file(transaction: Transaction, name: str) -> DataFile:
    """Returns a file that is staged."""
    path = Path(transaction.staging.join(name))
    return DataFile(path=f"{transaction.staging.run}/{name}", bytes=path.stat().st_size)
