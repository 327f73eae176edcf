"""`ReadAll`: reads all documents of parts of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa

from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.records.part import Part
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.bundle_end import give_counts
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.outputs import FAILURES


class ReadingFn(beam.DoFn):
    """What the steps have in common that read documents: failures go to `FAILURES`, `BundleCounts` to `COUNTS`.

    Args:
      reader: reads a part.
    """

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader

    def setup(self) -> None:
        self._reader.setup()

    def start_bundle(self) -> None:
        metrics.forget_counts()

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput[str, Any]]:
        yield from give_counts()


class ReadAll(ReadingFn):
    """Reads parts: RecordBatches of their documents."""

    def process(self, part: Part) -> Iterator[Any]:
        for found in self._reader.read(part):
            yield from tag_found(found)


def tag_found(found: pa.RecordBatch | Failure) -> Iterator[Any]:
    """Yields documents, where there are any; and a failure to its output, which is counted."""
    if isinstance(found, Failure):
        metrics.increment(metrics.FAILURES)
        yield beam.pvalue.TaggedOutput(FAILURES, found)
    elif found.num_rows:
        yield found
