"""`ReadDocuments`: the files of the input to documents and failures, whatever their format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from pipeline.bigquery.read_table import ReadTable, open_query, open_table
from pipeline.bigquery.table_name import TableName
from pipeline.documents import JsonFields, ParseLines
from pipeline.embed_options import EmbedOptions
from pipeline.line_source import LineSource
from pipeline.sources.avro_records import read_avro
from pipeline.sources.csv_records import read_csv
from pipeline.sources.file_source import FileSource, Reader
from pipeline.sources.kept_fields import parse_kept_fields
from pipeline.sources.make_documents import make_documents
from pipeline.sources.parquet_records import read_parquet
from pipeline.sources.records import Records
from pipeline.sources.tfrecord_records import read_tfrecord
from pipeline.sources.whole_files import read_whole_file
from transforms.failure import Failure

_READERS: dict[str, Reader] = {
    "avro": read_avro,
    "csv": read_csv,
    "files": read_whole_file,
    "parquet": read_parquet,
    "tfrecord": read_tfrecord,
}


class ReadDocuments(beam.PTransform):
    """The files of the input → `{"documents": RecordBatches, "failures": Failures}`.

    Args:
      reads: one for each pattern, a PTransform that reads its files or its table.
      parser: turns what they give into documents, failures to the output "failures".
    """

    def __init__(self, reads: list[beam.PTransform], parser: beam.DoFn) -> None:
        super().__init__()
        self._reads = reads
        self._parser = parser

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        read = [
            pipeline | f"ReadFiles{number}" >> read for number, read in enumerate(self._reads)
        ] | "AllFiles" >> beam.Flatten()
        parsed = read | "ParseDocuments" >> beam.ParDo(self._parser).with_outputs("failures", main="documents")
        return {"documents": parsed["documents"], "failures": parsed["failures"]}


class ParseRecords(beam.DoFn):
    """`make_documents` as a DoFn: failures go to the output `FAILURES`."""

    FAILURES = "failures"

    def __init__(self, fields: JsonFields) -> None:
        self._fields = fields

    def process(self, records: Records | Failure) -> Iterator[Any]:
        if isinstance(records, Failure):
            yield beam.pvalue.TaggedOutput(self.FAILURES, records)
            return
        documents, failures = make_documents(records, self._fields)
        if documents.num_rows:
            yield documents
        for failure in failures:
            yield beam.pvalue.TaggedOutput(self.FAILURES, failure)


def make_read_documents(options: EmbedOptions, project: str | None = None) -> ReadDocuments:
    """The step that reads the input which `options` name.

    Args:
      options: of the run.
      project: where a `query` runs; None for the one of the environment.

    Raises:
      OSError: where a pattern matches nothing.
      ValueError: where a table or the query can't be read, or lacks a field.
    """
    if options.chosen_format == "text":
        return ReadDocuments([beam.io.Read(LineSource(pattern)) for pattern in options.input], ParseLines(None))
    fields = JsonFields(
        text=options.text_field,
        id=options.id_field or "id",
        id_required=options.id_field is not None,
        pair=options.pair_field,
        kept=parse_kept_fields(options.keep_fields),
    )
    if options.chosen_format == "jsonl":
        return ReadDocuments([beam.io.Read(LineSource(pattern)) for pattern in options.input], ParseLines(fields))
    if options.chosen_format == "bigquery":
        if options.query is not None:
            return ReadDocuments([ReadTable(open_query(options.query, project, fields))], ParseRecords(fields))
        tables = [TableName.parse(pattern) for pattern in options.input]
        return ReadDocuments([ReadTable(open_table(table, fields)) for table in tables], ParseRecords(fields))
    reader = _READERS[options.chosen_format]
    sources = [FileSource(pattern, reader, fields.names) for pattern in options.input]
    return ReadDocuments([beam.io.Read(source) for source in sources], ParseRecords(fields))
