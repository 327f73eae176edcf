"""`ReadDocuments`: the files of the input to documents and failures, whatever their format."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.io.filebasedsource import FileBasedSource, ReadAllFiles
from apache_beam.io.filesystem import CompressionTypes

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
from transforms.columns import ORIGIN
from transforms.failure import Failure

_READERS: dict[str, Reader] = {
    "avro": read_avro,
    "csv": read_csv,
    "files": read_whole_file,
    "parquet": read_parquet,
    "tfrecord": read_tfrecord,
}

_BUNDLE_BYTES = 64 << 20  # of one file, for one worker


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


class ReadListedFiles(beam.PTransform):
    """Files that are known by name → what their source gives, in as many steps for a thousand files as for one.

    Args:
      paths: of the files; none is taken for a pattern.
      make_source: makes the source of a pattern.
      splittable: whether several workers may read one file.
    """

    def __init__(
        self, paths: Sequence[str], make_source: Callable[[str], FileBasedSource], *, splittable: bool
    ) -> None:
        super().__init__()
        self._patterns = [glob.escape(path) for path in paths]
        self._make_source = make_source
        self._splittable = splittable

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        make_source = self._make_source
        return (
            pipeline
            | "Files" >> beam.Create(self._patterns)
            | "ReadAllFiles"
            >> ReadAllFiles(
                splittable=self._splittable,
                compression_type=CompressionTypes.AUTO,
                desired_bundle_size=_BUNDLE_BYTES,
                min_bundle_size=0,
                source_from_file=lambda path: make_source(glob.escape(path)),
            )
        )


class ParseRecords(beam.DoFn):
    """`make_documents` as a DoFn: failures go to the output `FAILURES`.

    Args:
      fields: which are read.
      origins: whether documents keep their `origin`.
    """

    FAILURES = "failures"

    def __init__(self, fields: JsonFields, *, origins: bool = False) -> None:
        self._fields = fields
        self._origins = origins

    def process(self, records: Records | Failure) -> Iterator[Any]:
        if isinstance(records, Failure):
            yield beam.pvalue.TaggedOutput(self.FAILURES, records)
            return
        documents, failures = make_documents(records, self._fields)
        if documents.num_rows:
            yield documents if self._origins else documents.drop_columns([ORIGIN])
        for failure in failures:
            yield beam.pvalue.TaggedOutput(self.FAILURES, failure)


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
        fields = _list_fields(options)
        if options.query is not None:
            return ReadDocuments([ReadTable(open_query(options.query, project, fields))], ParseRecords(fields))
        tables = [TableName.parse(pattern) for pattern in options.input]
        return ReadDocuments([ReadTable(open_table(table, fields)) for table in tables], ParseRecords(fields))
    make_source, parser = _choose_source(options, origins=origins)
    return ReadDocuments([beam.io.Read(make_source(pattern)) for pattern in options.input], parser)


def make_read_files(options: EmbedOptions, paths: Sequence[str]) -> ReadDocuments:
    """The step that reads these files, and no others, as `options` say."""
    make_source, parser = _choose_source(options)
    return ReadDocuments([ReadListedFiles(paths, make_source, splittable=make_source is LineSource)], parser)


def _choose_source(
    options: EmbedOptions, *, origins: bool = False
) -> tuple[Callable[[str], FileBasedSource], beam.DoFn]:
    """What makes the source of a pattern of files, and what makes documents of what the source gives."""
    if options.chosen_format == "text":
        return LineSource, ParseLines(None, origins=origins)
    fields = _list_fields(options)
    if options.chosen_format == "jsonl":
        return LineSource, ParseLines(fields, origins=origins)
    reader = _READERS[options.chosen_format]
    return partial(FileSource, reader=reader, fields=fields.names), ParseRecords(fields, origins=origins)


def _list_fields(options: EmbedOptions) -> JsonFields:
    return JsonFields(
        text=options.text_field,
        id=options.id_field or "id",
        id_required=options.id_field is not None,
        pair=options.pair_field,
        kept=parse_kept_fields(options.keep_fields),
    )
