"""`FindChanges`: compares the documents of an input with what is published, joined by Beam."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from albert_embed.pipeline.dataset.generation import DocumentCounts
from albert_embed.pipeline.dataset.published_output import PublishedFile
from albert_embed.pipeline.dataset.tombstones import DOCUMENTS, ROWS, TOMBSTONE_IDS_SCHEMA
from albert_embed.pipeline.incremental.compare_documents import (
    DOCUMENT_SCHEMA,
    INDEX_SCHEMA,
    add_counts,
    compare_documents,
)
from albert_embed.pipeline.incremental.id_buckets import SplitIntoBuckets, from_bytes
from albert_embed.pipeline.incremental.read_index import ReadPublishedFile
from albert_embed.pipeline.shards.row_counts import RowCounts
from albert_embed.transforms.columns import TOKENS, TRUNCATED

_DEAD = (DOCUMENTS, ROWS, TOKENS, TRUNCATED)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChangeCounts:
    """The counts of a comparison.

    Attributes:
      documents: of the input, and how many of the output are deleted.
      selected: contents to select on the second reading, including those that are to fail.
      tombstones: ids whose published rows are dead from now on.
      dead: counts of those rows.
    """

    documents: DocumentCounts = dataclasses.field(default_factory=DocumentCounts)
    selected: int = 0
    tombstones: int = 0
    dead: RowCounts = dataclasses.field(default_factory=RowCounts)

    def to_json(self) -> str:
        """Returns one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(line: str | bytes) -> ChangeCounts:
        """Reads what `to_json` wrote."""
        fields = json.loads(line)
        typed = {"documents": DocumentCounts(**fields["documents"]), "dead": RowCounts(**fields["dead"])}
        return ChangeCounts(**{**fields, **typed})


def add_change_counts(parts: Iterable[ChangeCounts]) -> ChangeCounts:
    """Returns the sum of all parts."""
    counts = []
    selected = tombstones = 0
    dead = RowCounts()
    for part in parts:
        counts.append(part.documents)
        selected += part.selected
        tombstones += part.tombstones
        dead += part.dead
    return ChangeCounts(documents=add_counts(counts), selected=selected, tombstones=tombstones, dead=dead)


class FindChanges(beam.PTransform[beam.PCollection[pa.RecordBatch], dict[str, beam.PCollection[Any]]]):
    """Turns prepared documents into `{"selected", "tombstones", "counts"}`: Tables, Tables and one `ChangeCounts`.

    Only ids and hashes go through a GroupByKey, up to a thousand together. Runners that hold groups in memory need
    560 MiB for a million documents against a million published rows (measured, ids of 32 bytes).

    Args:
      index_files: the index shards that are published.
      tombstone_files: the published files of tombstones.
      full_snapshot: whether published documents that the input lacks are deleted.
    """

    def __init__(
        self,
        index_files: Sequence[PublishedFile],
        tombstone_files: Sequence[PublishedFile],
        *,
        full_snapshot: bool,
    ) -> None:
        super().__init__()
        self._index_files = list(index_files)
        self._tombstone_files = list(tombstone_files)
        self._full_snapshot = full_snapshot

    def expand(self, documents: beam.PCollection[pa.RecordBatch]) -> dict[str, beam.PCollection[Any]]:
        compared = (
            {
                "documents": documents | "BucketDocuments" >> beam.ParDo(SplitIntoBuckets(DOCUMENT_SCHEMA)),
                "index": _read(documents.pipeline, "Index", self._index_files, INDEX_SCHEMA),
                "tombstones": _read(documents.pipeline, "Tombstones", self._tombstone_files, TOMBSTONE_IDS_SCHEMA),
            }
            | "JoinOnId" >> beam.CoGroupByKey()
            | "CompareDocuments"
            >> beam.ParDo(CompareBucket(full_snapshot=self._full_snapshot)).with_outputs(
                CompareBucket.SELECTED, CompareBucket.TOMBSTONES, main="counts"
            )
        )
        return {
            "selected": compared[CompareBucket.SELECTED],
            "tombstones": compared[CompareBucket.TOMBSTONES],
            "counts": compared["counts"] | "AddCounts" >> beam.CombineGlobally(add_change_counts),
        }


def _read(pipeline: beam.Pipeline, what: str, files: list[PublishedFile], schema: pa.Schema) -> beam.PCollection[Any]:
    buckets: beam.PCollection[Any] = (
        pipeline
        | f"List{what}" >> beam.Create(files)
        | f"Share{what}" >> beam.Reshuffle()
        | f"Read{what}" >> beam.ParDo(ReadPublishedFile(schema))
        | f"Bucket{what}" >> beam.ParDo(SplitIntoBuckets(schema))
    )
    return buckets


class CompareBucket(beam.DoFn):
    """Calls `compare_documents` for one bucket: yields a `ChangeCounts`, and Tables to `SELECTED` and `TOMBSTONES`.

    Args:
      full_snapshot: whether published documents that the input lacks are deleted.
    """

    SELECTED = "selected"
    TOMBSTONES = "tombstones"

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
            yield beam.pvalue.TaggedOutput(self.SELECTED, selected)
        if tombstones.num_rows:
            yield beam.pvalue.TaggedOutput(self.TOMBSTONES, tombstones)
        yield ChangeCounts(
            documents=comparison.counts,
            selected=selected.num_rows,
            tombstones=tombstones.num_rows,
            dead=RowCounts(**{name: pc.sum(tombstones[name]).as_py() or 0 for name in _DEAD}),
        )
