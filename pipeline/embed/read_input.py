"""`ReadForSinks`: the documents of the input that the run's sinks can hold."""

from __future__ import annotations

from functools import partial

import apache_beam as beam

from albert_embed.pipeline.bigquery.read_table import ReadTable, open_query, open_table
from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.documents.read_documents import ReadDocuments, make_read_patterns
from albert_embed.pipeline.documents.reject_binary import reject_binary
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.table_name import TableName
from albert_embed.pipeline.sources.record_fields import RecordFields
from albert_embed.transforms.columns import ID
from albert_embed.transforms.map_or_fail import MapOrFail


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
        checked = read["documents"] | "RejectBinary" >> MapOrFail(partial(reject_binary, names=self._texts))
        failures = (read["failures"], checked.failures) | "ReadFailures" >> beam.Flatten()
        return {"documents": checked.passed, "failures": failures}


def make_read_documents(options: EmbedOptions, project: str | None = None, *, origins: bool = False) -> ReadDocuments:
    """The step that reads the input which `options` name.

    Args:
      options: of the run.
      project: where a `query` runs; None for the one of the environment.
      origins: whether documents get a column `origin` (`transforms.columns`). Those of BigQuery never do: the rows of a
        table come in any order.

    Raises:
      OSError: where a pattern matches nothing.
      ValueError: where a table or the query can't be read, or lacks a field.
    """
    if options.chosen_format == "bigquery":
        fields = RecordFields.of(options)
        parse = partial(make_documents, fields=fields)
        if options.query is not None:
            return ReadDocuments([ReadTable(open_query(options.query, project, fields))], parse)
        tables = [TableName.parse(pattern) for pattern in options.input]
        return ReadDocuments([ReadTable(open_table(table, fields)) for table in tables], parse)
    return make_read_patterns(options, origins=origins)
