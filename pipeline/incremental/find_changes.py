"""`FindChanges`: compares the documents of an input with what is published, joined by Beam."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterable, Iterator
from typing import Any, cast

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.dataset.tombstones import DOCUMENTS, ROWS, TOMBSTONE_IDS_SCHEMA
from albert_embed.pipeline.documents.keyed_tables import cut_by_column, from_bytes, to_bytes
from albert_embed.pipeline.incremental.compare_documents import (
    DOCUMENT_SCHEMA,
    INDEX_SCHEMA,
    compare_documents,
)
from albert_embed.pipeline.incremental.id_buckets import SplitIntoBuckets
from albert_embed.pipeline.incremental.published_version import PublishedVersion
from albert_embed.pipeline.incremental.read_index import ReadPublishedFile
from albert_embed.pipeline.shards.row_counts import RowCounts, combine_counts
from albert_embed.transforms.rows.columns import INPUT_RANGE, TOKENS, TRUNCATED

SELECTED = "selected"
TOMBSTONES = "tombstones"
CHANGES = "changes"

_DEAD = (DOCUMENTS, ROWS, TOKENS, TRUNCATED)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangeCounts:
    """The counts of a comparison.

    Attributes:
      documents: of the input, and how many of the output are deleted.
      selected: contents to select on the second reading, including those that are to fail.
      tombstones: ids whose published rows are dead from now on.
      dead: counts of those rows.
      dead_vectors: documents among them that have a vector of their own, where the dataset has such.
      missing: selected documents that had changed on the second reading; the next run will find them.
    """

    documents: DocumentCounts = dataclasses.field(default_factory=DocumentCounts)
    selected: int = 0
    tombstones: int = 0
    dead: RowCounts = dataclasses.field(default_factory=RowCounts)
    dead_vectors: int = 0
    missing: int = 0

    def __add__(self, other: ChangeCounts) -> ChangeCounts:
        return combine_counts(operator.add, self, other)


class FindChanges(beam.PTransform[beam.PCollection[pa.RecordBatch], dict[str, beam.PCollection[Any]]]):
    """Turns documents of all parts of the input into `{"selected", "tombstones", "changes"}`.

    `selected` are (key of a part, `SELECTED_SCHEMA` as bytes), `tombstones` Tables of `TOMBSTONE_SCHEMA`, `changes` one
    `ChangeCounts` for each bucket. Only ids, hashes and places go through a shuffle, up to a hundred thousand together.

    Args:
      published: lists the published files; None where nothing is published.
      full_snapshot: whether published documents that the input lacks are deleted.
      buckets: in how many pieces the documents are compared (`count_buckets`).
    """

    def __init__(self, published: PublishedVersion | None, *, full_snapshot: bool, buckets: int) -> None:
        super().__init__()
        self._published = published
        self._full_snapshot = full_snapshot
        self._buckets = buckets

    def expand(self, documents: beam.PCollection[pa.RecordBatch]) -> dict[str, beam.PCollection[Any]]:
        compared = (
            {
                "documents": documents | "BucketDocuments" >> self._split(DOCUMENT_SCHEMA),
                "index": self._read(documents.pipeline, "Index", INDEX_SCHEMA),
                "tombstones": self._read(documents.pipeline, "Tombstones", TOMBSTONE_IDS_SCHEMA),
            }
            | "JoinOnId" >> beam.CoGroupByKey()
            | "CompareDocuments"
            >> beam.ParDo(CompareBucket(full_snapshot=self._full_snapshot)).with_outputs(
                SELECTED, TOMBSTONES, main=CHANGES
            )
        )
        return {
            SELECTED: compared[SELECTED]
            | "CutSelected" >> beam.FlatMap(cut_selected).with_output_types(tuple[bytes, bytes]),
            TOMBSTONES: compared[TOMBSTONES],
            CHANGES: compared[CHANGES],
        }

    def _read(self, pipeline: beam.Pipeline, what: str, schema: pa.Schema) -> beam.PCollection[Any]:
        buckets: beam.PCollection[Any] = (
            pipeline
            | f"Published{what}" >> beam.Create([self._published], reshuffle=False)
            | f"List{what}" >> beam.FlatMap(list_published, what)
            | f"Spread{what}" >> beam.Reshuffle()
            | f"Read{what}" >> beam.ParDo(ReadPublishedFile(schema))
            | f"Bucket{what}" >> self._split(schema)
        )
        return buckets

    def _split(self, schema: pa.Schema) -> beam.PTransform[Any, Any]:
        split = beam.ParDo(SplitIntoBuckets(schema, self._buckets))
        return cast("beam.PTransform[Any, Any]", split.with_output_types(tuple[int, bytes]))


def list_published(published: PublishedVersion | None, what: str) -> list[PublishedFile]:
    """Lists the published files of the `Index`, or of `Tombstones`."""
    if published is None:
        return []
    return published.list_index() if what == "Index" else published.list_tombstones()


def cut_selected(selected: pa.Table) -> Iterator[tuple[bytes, bytes]]:
    """Yields (key of a part, its selected documents as bytes)."""
    for key, documents in cut_by_column(selected, INPUT_RANGE):
        yield key, to_bytes(documents)


class CompareBucket(beam.DoFn):
    """Calls `compare_documents` for one bucket: yields a `ChangeCounts`, and Tables to `SELECTED` and `TOMBSTONES`.

    Args:
      full_snapshot: whether published documents that the input lacks are deleted.
    """

    def __init__(self, *, full_snapshot: bool) -> None:
        self._full_snapshot = full_snapshot

    def process(self, bucket: tuple[int, dict[str, Iterable[bytes]]]) -> Iterator[Any]:
        _, grouped = bucket
        comparison = compare_documents(
            from_bytes(grouped["documents"], DOCUMENT_SCHEMA),
            from_bytes(grouped["index"], INDEX_SCHEMA),
            from_bytes(grouped["tombstones"], TOMBSTONE_IDS_SCHEMA),
            full_snapshot=self._full_snapshot,
        )
        selected, tombstones = comparison.selected, comparison.tombstones
        if selected.num_rows:
            yield beam.pvalue.TaggedOutput(SELECTED, selected)
        if tombstones.num_rows:
            yield beam.pvalue.TaggedOutput(TOMBSTONES, tombstones)
        yield ChangeCounts(
            documents=comparison.counts,
            selected=selected.num_rows,
            tombstones=tombstones.num_rows,
            dead_vectors=comparison.dead_vectors,
            dead=RowCounts(**{name: pc.sum(tombstones[name]).as_py() or 0 for name in _DEAD}),
        )
