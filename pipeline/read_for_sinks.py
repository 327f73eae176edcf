"""`ReadForSinks`: the documents of the input that the run's sinks can hold."""

from __future__ import annotations

import apache_beam as beam

from pipeline.embed_options import EmbedOptions
from pipeline.read_documents import ReadDocuments
from pipeline.reject_binary import RejectBinary
from transforms.columns import ID


class ReadForSinks(beam.PTransform):
    """`ReadDocuments` without what a sink can't hold: `{"documents": RecordBatches, "failures": Failures}`.

    Args:
      documents: reads the input.
      options: of the run.
    """

    def __init__(self, documents: ReadDocuments, options: EmbedOptions) -> None:
        super().__init__()
        self._documents = documents
        self._texts = (ID, *options.kept_fields) if {"parquet", "bigquery"} & set(options.sinks) else ()

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        read = pipeline | "ReadDocuments" >> self._documents
        if not self._texts:
            return {"documents": read["documents"], "failures": read["failures"]}
        checked = read["documents"] | "RejectBinary" >> beam.ParDo(RejectBinary(self._texts)).with_outputs(
            RejectBinary.FAILURES, main="documents"
        )
        failures = (read["failures"], checked[RejectBinary.FAILURES]) | "ReadFailures" >> beam.Flatten()
        return {"documents": checked["documents"], "failures": failures}
