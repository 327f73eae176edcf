"""`ReadInput`: the documents of the input that a run is to embed, in one pipeline."""

from __future__ import annotations

import dataclasses
import pickle
import zlib
from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.incremental.find_changes import CHANGES, SELECTED, TOMBSTONES, ChangeCounts, FindChanges
from albert_embed.pipeline.incremental.published_version import PublishedVersion
from albert_embed.pipeline.reading.read_all import ReadAll
from albert_embed.pipeline.reading.read_wanted import MISSING, ReadWanted
from albert_embed.pipeline.records.part import Part
from albert_embed.pipeline.resume.find_finished import ALL_DOCUMENTS, ROWS, SHARDS, FindFinished
from albert_embed.transforms.steps.outputs import COUNTS, DOCUMENTS, FAILURES
from albert_embed.transforms.steps.spread_parts import SpreadParts

FINISHED = "finished"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """How the documents of an input are compared with what is published.

    Attributes:
      published: lists the published files; None where nothing is published.
      full_snapshot: whether published documents that the input lacks are deleted.
      buckets: in how many pieces the documents are compared (`count_buckets`).
    """

    published: PublishedVersion | None
    full_snapshot: bool
    buckets: int


class ReadInput(beam.PTransform[beam.Pipeline, dict[str, beam.PCollection[Any]]]):
    """Reads what a run is to embed of its input.

    Returns a dict of PCollections: `documents`, RecordBatches as `DocumentReader` gives them, with `finished_windows`
    where some are finished; `failures` of records that are no documents, and of ids that belong to several; `counts`,
    `BundleCounts`; where there are unfinished runs `finished`, each Shard that is used; and where documents are
    compared `tombstones`, Tables of `TOMBSTONE_SCHEMA`, and `changes`, `ChangeCounts` to be added up.

    Only parts, ids, hashes and places go through a shuffle, never a text. What is selected of a part, and what is
    finished of it, meet at the part, which one worker then reads: the selection is itself the input of that reading.

    Args:
      parts: of the input.
      reader: reads a part.
      comparison: with what is published; None where all documents are to be embedded.
      unfinished_runs: the staging folders of runs that were cut off, the earliest first; their finished shards are
        used.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        reader: DocumentReader,
        *,
        comparison: Comparison | None = None,
        unfinished_runs: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._parts = list(parts)
        self._reader = reader
        self._comparison = comparison
        self._unfinished_runs = tuple(unfinished_runs)

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection[Any]]:
        parts = (
            pipeline
            | "PackedParts" >> beam.Create([pack(self._parts)], reshuffle=False)
            | "Parts" >> beam.FlatMap(unpack)
        )
        if self._comparison is None and not self._unfinished_runs:
            read = self._read_all(parts)
            return {name: read[name] for name in (DOCUMENTS, FAILURES, COUNTS)}
        keyed = parts | "KeyParts" >> beam.Map(lambda part: (part.key, part)).with_output_types(tuple[bytes, Any])
        if self._comparison is None:
            wanted = keyed | "WantAll" >> beam.MapTuple(lambda key, _: (key, ALL_DOCUMENTS)).with_output_types(
                tuple[bytes, bytes]
            )
            finished = wanted | "FindFinished" >> FindFinished(self._unfinished_runs)
            again = self._read_wanted(keyed, None, finished[ROWS])
            return {**{name: again[name] for name in (DOCUMENTS, FAILURES, COUNTS)}, FINISHED: finished[SHARDS]}
        return self._read_changes(parts, keyed, self._comparison)

    def _read_changes(
        self, parts: beam.PCollection[Any], keyed: beam.PCollection[Any], comparison: Comparison
    ) -> dict[str, beam.PCollection[Any]]:
        first = self._read_all(parts)
        found = first[DOCUMENTS] | "FindChanges" >> FindChanges(
            comparison.published, full_snapshot=comparison.full_snapshot, buckets=comparison.buckets
        )
        selected = found[SELECTED]
        rows, outputs = None, {}
        if self._unfinished_runs:
            finished = selected | "FindFinished" >> FindFinished(self._unfinished_runs)
            rows, outputs[FINISHED] = finished[ROWS], finished[SHARDS]
        again = self._read_wanted(keyed, selected, rows)
        missing = again[MISSING] | "CountMissing" >> beam.Map(lambda count: ChangeCounts(missing=count))
        return {
            **outputs,
            DOCUMENTS: again[DOCUMENTS],
            FAILURES: (first[FAILURES], again[FAILURES]) | "AllFailures" >> beam.Flatten(),
            TOMBSTONES: found[TOMBSTONES],
            COUNTS: (first[COUNTS], again[COUNTS]) | "AllCounts" >> beam.Flatten(),
            CHANGES: (found[CHANGES], missing) | "AllChanges" >> beam.Flatten(),
        }

    def _read_all(self, parts: beam.PCollection[Any]) -> Any:
        return (
            parts
            | "SpreadParts" >> SpreadParts()
            | "ReadParts" >> beam.ParDo(ReadAll(self._reader)).with_outputs(FAILURES, COUNTS, main=DOCUMENTS)
        )

    def _read_wanted(
        self,
        keyed: beam.PCollection[Any],
        selected: beam.PCollection[Any] | None,
        finished: beam.PCollection[Any] | None,
    ) -> Any:
        """Reads the parts with what is selected and finished of each; None means all, and nothing."""
        nothing = keyed | "Nothing" >> beam.Filter(lambda _: False)
        joined = {
            "parts": keyed,
            "selected": nothing if selected is None else selected,
            "finished": nothing if finished is None else finished,
        } | "JoinOnPart" >> beam.CoGroupByKey()
        read = ReadWanted(self._reader, selects=selected is not None, finished_in=self._unfinished_runs)
        return joined | "ReadWanted" >> beam.ParDo(read).with_outputs(FAILURES, COUNTS, MISSING, main=DOCUMENTS)


def pack(parts: Sequence[Part]) -> bytes:
    """Packs the parts: one by one in the graph, those of a large input would be more than some runners take."""
    return zlib.compress(pickle.dumps(list(parts)))


def unpack(packed: bytes) -> list[Part]:
    """Returns the parts that `pack` has packed."""
    parts: list[Part] = pickle.loads(zlib.decompress(packed))
    return parts
