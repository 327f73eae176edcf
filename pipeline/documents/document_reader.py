"""`DocumentReader`: reads a part of the input as documents that can be embedded, each with its place in the input."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import pyarrow as pa

from albert_embed.pipeline.documents.count_fields import count_fields
from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.documents.prepare_documents import prepare_documents
from albert_embed.pipeline.documents.reject_binary import reject_binary
from albert_embed.pipeline.records.part import Part, PartReader
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.transforms.rows.columns import INPUT_RANGE, TYPES
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentReader:
    """Reads parts of the input. The same part gives the same documents, at the same places, each time.

    Attributes:
      records: reads a part as Records.
      fields: which fields of a record make a document.
      texts: columns that must be UTF-8, because a sink can't hold other bytes.
    """

    records: PartReader
    fields: RecordFields
    texts: tuple[str, ...] = ()

    def setup(self) -> None:
        """Opens what the reader of the records needs, once on each worker."""
        self.records.setup()

    def read(self, part: Part, *, again: bool = False) -> Iterator[pa.RecordBatch | Failure]:
        """Yields the documents of a part, as `prepare_documents` gives them, with `input_range` and `input_position`.

        A record that is no document, or that can't be embedded, is a failure.

        Args:
          part: of the input.
          again: whether this run has read it before: then its documents are not counted again.
        """
        key = pa.scalar(part.key, TYPES[INPUT_RANGE])
        first = 0
        for found in time_reading(self.records.read(part)):
            if isinstance(found, Failure):
                yield found
                continue
            if not again:
                count_fields(found, self.fields)
            documents, failures = self._prepare(found, first, again=again)
            first += len(found.positions)
            yield from failures
            if documents.num_rows:
                yield documents.append_column(INPUT_RANGE, pa.repeat(key, documents.num_rows))

    def _prepare(self, records: Records, first: int, *, again: bool) -> tuple[pa.RecordBatch, list[Failure]]:
        documents, failures = make_documents(records, self.fields, first=first)
        documents, refused = reject_binary(documents, self.texts)
        prepared, bad = prepare_documents(documents)
        if not again:
            metrics.increment(metrics.DOCUMENTS, documents.num_rows)
        return prepared, [*failures, *refused, *bad]


def time_reading(found: Iterator[Records | Failure]) -> Iterator[Records | Failure]:
    """Yields what is found, and counts the time that finding it takes."""
    while True:
        started = time.perf_counter()
        one = next(found, None)
        metrics.increment(metrics.READ_USECS, round(1e6 * (time.perf_counter() - started)))
        if one is None:
            return
        yield one
