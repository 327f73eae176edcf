"""The one pipeline of a run: from the input to the published version."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import apache_beam as beam

from albert_embed.model.architecture.shape_vectors import shape_vectors
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.pipeline.bigquery.table_sink import NoTable, TableSink
from albert_embed.pipeline.dataset.tombstones import TOMBSTONE_SCHEMA
from albert_embed.pipeline.embed.combine_documents import CombineDocuments
from albert_embed.pipeline.embed.embed_prepared import EMBEDDINGS, EmbedPrepared
from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.incremental.find_changes import CHANGES, TOMBSTONES
from albert_embed.pipeline.publication.commit_run import CommitRun, SkipEnded
from albert_embed.pipeline.publication.commit_task import CommitTask
from albert_embed.pipeline.publication.staged_run import TombstoneFile
from albert_embed.pipeline.reading.read_input import FINISHED, ReadInput
from albert_embed.pipeline.settings.embed_choices import DOCUMENT
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.writers.failure_writer import make_write_failures
from albert_embed.pipeline.writers.table_writer import make_write_tables
from albert_embed.pipeline.writers.write_documents import make_write_documents
from albert_embed.pipeline.writers.write_files import FILES, WriteFiles
from albert_embed.pipeline.writers.write_shards import SHARD_BYTES, SHARD_SECONDS, make_write_shards
from albert_embed.transforms.rows.columns import DOCUMENT_OUTPUT, MEAN_OUTPUT
from albert_embed.transforms.steps.outputs import COUNTS, DOCUMENTS, FAILURES


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedPipeline:
    """The steps from the input to the published version.

    Attributes:
      options: of the run.
      task: what is published, and under which conditions.
      documents: reads what is to be embedded of the input.
      embed: embeds it.
      table: the table of the run, which may refuse rows.
      formats: of the shards.
      document_formats: of the files of documents' vectors.
    """

    options: EmbedOptions
    task: CommitTask
    documents: ReadInput
    embed: EmbedPrepared
    table: TableSink | NoTable
    formats: Sequence[WritableFormat]
    document_formats: Sequence[WritableFormat]

    def build(self, pipeline: beam.Pipeline) -> None:
        """Adds all steps to `pipeline`, which is empty."""
        read = pipeline | "Read" >> self.documents
        parts = [*self._embed(read), *self._list_compared(read)]
        _ = parts | "Parts" >> beam.Flatten() | "CommitRun" >> CommitRun(self.task)

    def _list_compared(self, read: Mapping[str, beam.PCollection[Any]]) -> list[beam.PCollection[Any]]:
        """Writes the tombstones, and returns what else of the reading `CommitRun` takes."""
        parts = [read[name] for name in (FINISHED, CHANGES) if name in read]
        if TOMBSTONES in read:
            written = read[TOMBSTONES] | "WriteTombstones" >> make_write_tables(
                self.task.staging.path, TOMBSTONES, TOMBSTONE_SCHEMA
            )
            files = written[FILES] | "NameTombstones" >> beam.Map(lambda file: TombstoneFile(file=file))
            parts += [files, written[COUNTS]]
        return parts

    def _embed(self, read: Mapping[str, beam.PCollection[Any]]) -> list[beam.PCollection[Any]]:
        """Embeds and writes; returns what `CommitRun` takes."""
        wanted = read[DOCUMENTS] | "SkipEnded" >> beam.ParDo(SkipEnded(self.task.staging)).with_outputs(
            SkipEnded.CLOCK, main=DOCUMENTS
        )
        embedded = wanted[DOCUMENTS] | "EmbedText" >> self.embed
        rows = embedded[EMBEDDINGS]
        failed = [read[FAILURES], embedded[FAILURES]]
        parts = [wanted[SkipEnded.CLOCK], read[COUNTS], embedded[COUNTS]]
        if DOCUMENT in self.options.embeddings:
            combined = rows | "CombineDocuments" >> CombineDocuments(self.options.kept_fields)
            documents = combined[DOCUMENTS] | "ShapeDocumentVectors" >> self._shape([DOCUMENT_OUTPUT])
            written = documents | "WriteDocuments" >> make_write_documents(
                self.task.staging.path, self.document_formats
            )
            files = written[FILES] | "EachDocumentFile" >> beam.FlatMap(list)
            parts += [files, written[COUNTS], combined[COUNTS]]
            failed.append(combined[FAILURES])
            if "mean" not in self.options.embeddings:
                rows = rows | "DropMean" >> beam.Map(lambda batch: batch.drop_columns([MEAN_OUTPUT]))
        rows = rows | "ShapeVectors" >> self._shape([EMBEDDING_COLUMNS[name] for name in self.options.row_embeddings])
        checked = self.table.check_rows(rows)
        failed += checked.failures
        parts += checked.counts
        written = checked.rows | "WriteShards" >> self._make_write()
        parts += written.values()
        failures = failed | "AllFailures" >> beam.Flatten()
        write_failures = make_write_failures(self.task.staging.path, text_bytes=self.options.failure_text)
        return [*parts, *(failures | "WriteFailures" >> write_failures).values()]

    def _shape(self, columns: list[str]) -> beam.PTransform[Any, Any]:
        """Cuts and normalises the vectors of some columns. A document's mean is made of whole ones before."""
        shape: beam.PTransform[Any, Any] = beam.Map(
            partial(shape_vectors, columns=columns, shape=self.options.vector_shape)
        )
        return shape

    def _make_write(self) -> WriteFiles:
        options = self.options
        return make_write_shards(
            self.task.staging.path,
            self.formats,
            shard_seconds=SHARD_SECONDS if options.shard_seconds is None else options.shard_seconds,
            shard_bytes=SHARD_BYTES if options.shard_bytes is None else options.shard_bytes,
        )
