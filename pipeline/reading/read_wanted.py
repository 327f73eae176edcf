"""`ReadWanted`: reads those documents of a part of the input that a run wants."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.documents.keyed_tables import from_bytes
from albert_embed.pipeline.reading.read_all import ReadingFn, tag_found
from albert_embed.pipeline.reading.selected_documents import SelectedDocuments
from albert_embed.pipeline.reading.unfinished_documents import UnfinishedDocuments
from albert_embed.pipeline.records.part import Part
from albert_embed.pipeline.shards.places import FINISHED_SCHEMA, SELECTED_SCHEMA
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure

MISSING = "missing"


class FinishedShardsError(RuntimeError):
    """Finished shards hold what the input does not."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedPart:
    """What a run wants of one part of the input.

    Attributes:
      parts: the part; twice where the input has it twice.
      selected: `SELECTED_SCHEMA` of it; None for all documents.
      finished: `FINISHED_SCHEMA` of it.
    """

    parts: list[Part]
    selected: pa.Table | None
    finished: pa.Table


class ReadWanted(ReadingFn):
    """Reads what is wanted of parts: `(key, {"parts", "selected", "finished"})` as a CoGroupByKey gives them.

    Gives RecordBatches of documents, to `FAILURES` failures, and to `MISSING` how many selected documents of a part
    have changed since they were selected. A part of which nothing is selected is not read. Where documents are
    selected, the part has been read before, and its records that are no documents have been reported.

    Args:
      reader: reads a part.
      selects: whether only selected documents are wanted.
      finished_in: the staging folders of the runs that finished the rows, for a message.

    Raises:
      FinishedShardsError: if a finished row belongs to a document that is not in the part.
    """

    def __init__(self, reader: DocumentReader, *, selects: bool, finished_in: Sequence[str] = ()) -> None:
        super().__init__(reader)
        self._selects = selects
        self._finished_in = tuple(finished_in)

    def process(self, keyed: tuple[bytes, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        _, grouped = keyed
        selected = from_bytes(grouped["selected"], SELECTED_SCHEMA) if self._selects else None
        finished = from_bytes(grouped["finished"], FINISHED_SCHEMA)
        yield from self._read(WantedPart(parts=list(grouped["parts"]), selected=selected, finished=finished))

    def _read(self, wanted: WantedPart) -> Iterator[Any]:
        selected = None if wanted.selected is None else SelectedDocuments(wanted.selected)
        if selected is not None and not selected.missing:
            metrics.increment(
                metrics.INPUT_BYTES, sum(part.stored_bytes for part in wanted.parts)
            )  # done without reading
            return
        unfinished = UnfinishedDocuments(wanted.finished)
        nothing = UnfinishedDocuments(FINISHED_SCHEMA.empty_table())
        for number, part in enumerate(wanted.parts):
            left = unfinished if number == 0 else nothing  # finished rows are those of one reading
            for found in self._reader.read(part, again=self._selects):
                if selected is None:
                    yield from tag_found(found if isinstance(found, Failure) else left.take(found))
                elif not isinstance(found, Failure):
                    documents, failures = selected.take(found)
                    for failure in failures:
                        yield from tag_found(failure)
                    yield from tag_found(left.take(documents))
        if unfinished.missing_rows:
            raise FinishedShardsError(
                f"{unfinished.missing_rows:,} rows that an earlier run finished are not in {wanted.parts[0]}, though "
                "the files of the input look the same; nothing was published. Delete "
                f"{' and '.join(self._finished_in)}, and run the same command again"
            )
        if selected is not None and selected.missing:
            yield beam.pvalue.TaggedOutput(MISSING, selected.missing)
