"""`ReadAll`: reads all documents of parts of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.documents.part import Part
from albert_embed.transforms import metrics
from albert_embed.transforms.failure import Failure

FAILURES = "failures"


class ReadAll(beam.DoFn):
    """Reads parts: RecordBatches of their documents, and failures to `FAILURES`.

    Args:
      reader: reads a part.
    """

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader

    def setup(self) -> None:
        self._reader.setup()

    def process(self, part: Part) -> Iterator[Any]:
        for found in self._reader.read(part):
            yield from tag_found(found)


def tag_found(found: pa.RecordBatch | Failure) -> Iterator[Any]:
    """Yields documents, where there are any, and a failure to its output; both are counted."""
    if isinstance(found, Failure):
        metrics.increment(metrics.FAILURES)
        yield beam.pvalue.TaggedOutput(FAILURES, found)
    elif found.num_rows:
        metrics.increment(metrics.DOCUMENTS, found.num_rows)
        yield found
