"""`ReadDocuments`: the files of the input to documents and failures, whatever their format."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filebasedsource import FileBasedSource, ReadAllFiles
from apache_beam.io.filesystem import CompressionTypes

from albert_embed.pipeline.documents.make_documents import make_documents
from albert_embed.pipeline.documents.parse_lines import parse_json_lines, parse_text_lines
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.sources.avro_records import read_avro
from albert_embed.pipeline.sources.csv_records import read_csv
from albert_embed.pipeline.sources.file_source import FileSource, Reader
from albert_embed.pipeline.sources.line_source import LineSource
from albert_embed.pipeline.sources.parquet_records import read_parquet
from albert_embed.pipeline.sources.record_fields import RecordFields
from albert_embed.pipeline.sources.tfrecord_records import read_tfrecord
from albert_embed.pipeline.sources.whole_files import read_whole_file
from albert_embed.transforms.columns import ORIGIN
from albert_embed.transforms.failure import Failure
from albert_embed.transforms.map_or_fail import MapOrFail

_READERS: dict[str, Reader] = {
    "avro": read_avro,
    "csv": read_csv,
    "files": read_whole_file,
    "parquet": read_parquet,
    "tfrecord": read_tfrecord,
}

# What a read gives → documents `{id, text[, pair], kept, origin}` and failures.
Parse = Callable[[Any], tuple[pa.RecordBatch, list[Failure]]]

_BUNDLE_BYTES = 64 << 20  # of one file, for one worker


class ReadDocuments(beam.PTransform):
    """The files of the input → `{"documents": RecordBatches, "failures": Failures}`.

    Args:
      reads: one for each pattern, a PTransform that reads its files or its table.
      parse: turns what they give into documents and failures.
      origins: whether documents keep their `origin` (`transforms.columns`).
    """

    def __init__(self, reads: list[beam.PTransform], parse: Parse, *, origins: bool = False) -> None:
        super().__init__()
        self._reads = reads
        self._parse = parse if origins else partial(parse_without_origins, parse)

    def expand(self, pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        read = [
            pipeline | f"ReadFiles{number}" >> read for number, read in enumerate(self._reads)
        ] | "AllFiles" >> beam.Flatten()
        parsed = read | "ParseDocuments" >> MapOrFail(self._parse)
        return {"documents": parsed.passed, "failures": parsed.failures}


def parse_without_origins(parse: Parse, element: Any) -> tuple[pa.RecordBatch, list[Failure]]:
    """What `parse` gives, without the column `origin`."""
    documents, failures = parse(element)
    return documents.drop_columns([ORIGIN]), failures


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


def make_read_patterns(options: EmbedOptions, *, origins: bool = False) -> ReadDocuments:
    """The step that reads the files which the patterns of `options` match.

    Args:
      options: of the run.
      origins: whether documents get a column `origin` (`transforms.columns`).

    Raises:
      OSError: where a pattern matches nothing.
    """
    make_source, parse = _choose_source(options)
    return ReadDocuments([beam.io.Read(make_source(pattern)) for pattern in options.input], parse, origins=origins)


def make_read_files(options: EmbedOptions, paths: Sequence[str]) -> ReadDocuments:
    """The step that reads these files, and no others, as `options` say."""
    make_source, parse = _choose_source(options)
    return ReadDocuments([ReadListedFiles(paths, make_source, splittable=make_source is LineSource)], parse)


def _choose_source(options: EmbedOptions) -> tuple[Callable[[str], FileBasedSource], Parse]:
    """What makes the source of a pattern of files, and what makes documents of what the source gives."""
    if options.chosen_format == "text":
        return LineSource, parse_text_lines
    fields = RecordFields.of(options)
    if options.chosen_format == "jsonl":
        return LineSource, partial(parse_json_lines, fields=fields)
    reader = _READERS[options.chosen_format]
    return partial(FileSource, reader=reader, fields=fields.names), partial(make_documents, fields=fields)
