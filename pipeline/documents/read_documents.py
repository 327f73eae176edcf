"""`ReadDocuments`: what an input gives, files or tables, to documents and failures."""

from __future__ import annotations

from functools import partial
from typing import Any

import apache_beam as beam
import pyarrow as pa

from albert_embed.pipeline.documents.count_fields import count_fields
from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.records.records import Records
from albert_embed.transforms.columns import INPUT_POSITION
from albert_embed.transforms.failure import Failure
from albert_embed.transforms.map_or_fail import MapOrFail


class ReadDocuments(beam.PTransform[beam.Pipeline, dict[str, beam.PCollection[Any]]]):
    """The input → `{"documents": RecordBatches, "failures": Failures, "counts": BundleCounts}`.

    Args:
      read: gives Records and Failures.
      fields: which fields of a record make a document.
    """

    def __init__(self, read: beam.PTransform[Any, Any], fields: RecordFields) -> None:
        super().__init__()
        self._read = read
        self._make = partial(make_and_count, fields=fields)

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection[Any]]:
        made = pipeline | "ReadRecords" >> self._read | "MakeDocuments" >> MapOrFail(self._make)
        return {"documents": made.passed, "failures": made.failures, "counts": made.counts}


def make_and_count(records: Records, fields: RecordFields) -> tuple[pa.RecordBatch, list[Failure]]:
    """Returns what `make_documents` gives, without places in the input, and counts kept fields."""
    count_fields(records, fields)
    documents, failures = make_documents(records, fields)
    return documents.drop_columns([INPUT_POSITION]), failures
