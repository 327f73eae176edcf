"""The one pipeline of a run: from the input to the published version."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import apache_beam as beam

from albert_embed.model.handler import EMBEDDING_COLUMNS
from albert_embed.model.shape_vectors import shape_vectors
from albert_embed.pipeline.bigquery.table_sink import NoTable, TableSink
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.embed.combine_documents import COUNTS as COMBINE_COUNTS
from albert_embed.pipeline.embed.combine_documents import DOCUMENTS, CombineDocuments
from albert_embed.pipeline.embed.combine_documents import FAILURES as COMBINE_FAILURES
from albert_embed.pipeline.embed.embed_text import COUNTS, EMBEDDINGS, FAILURES, MET, EmbedText
from albert_embed.pipeline.embed.progress import LogProgress
from albert_embed.pipeline.embed.read_input import ReadForSinks
from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.incremental.changes import RunScope
from albert_embed.pipeline.publication.commit_run import CommitRun, SkipEnded
from albert_embed.pipeline.publication.commit_task import CommitTask
from albert_embed.pipeline.publication.staged_run import TombstoneFile
from albert_embed.pipeline.resume.copy_repeated import CopyRepeated
from albert_embed.pipeline.resume.finished_shards import FinishedRows
from albert_embed.pipeline.settings.embed_options import DOCUMENT, EmbedOptions
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.writers.failure_writer import make_write_failures
from albert_embed.pipeline.writers.write_documents import make_write_documents
from albert_embed.pipeline.writers.write_files import WriteFiles
from albert_embed.pipeline.writers.write_shards import SHARD_BYTES, SHARD_SECONDS, make_write_shards
from albert_embed.transforms.columns import DOCUMENT_OUTPUT, MEAN_OUTPUT

REUSED_FILE = "reused.jsonl"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedPipeline:
    """The steps from the input to the published version.

    Attributes:
      options: of the run.
      task: what is published, and under which conditions.
      scope: which documents are embedded.
      documents: reads the input.
      embed_text: embeds it.
      table: the table of the run, which may refuse rows.
      formats: of the shards.
      document_formats: of the files of documents' vectors.
      finished: rows that a run that was cut off has finished; None means none. The list of their shards is staged.
    """

    options: EmbedOptions
    task: CommitTask
    scope: RunScope
    documents: ReadForSinks
    embed_text: EmbedText
    table: TableSink | NoTable
    formats: Sequence[WritableFormat]
    document_formats: Sequence[WritableFormat]
    finished: FinishedRows | None

    def build(self, pipeline: beam.Pipeline) -> None:
        """Adds all steps to `pipeline`, which is empty."""
        parts = [pipeline | "Compared" >> beam.Create(self._list_compared(), reshuffle=False)]
        if not self.scope.is_empty:
            parts += self._embed(pipeline)
        _ = parts | "Parts" >> beam.Flatten() | "CommitRun" >> CommitRun(self.task)

    def _list_compared(self) -> list[Any]:
        """Returns what the comparison has staged."""
        scope = self.scope
        return [scope.counts, *(TombstoneFile(file=file) for file in scope.tombstones), *scope.failures]

    def _embed(self, pipeline: beam.Pipeline) -> list[beam.PCollection[Any]]:
        """Embeds and writes; returns what `CommitRun` takes."""
        read = pipeline | "Read" >> self.documents
        wanted = read["documents"] | "SkipEnded" >> beam.ParDo(SkipEnded(self.task.staging)).with_outputs(
            SkipEnded.CLOCK, main="documents"
        )
        embedded = wanted["documents"] | "EmbedText" >> self.embed_text
        rows = embedded[EMBEDDINGS] | "LogProgress" >> beam.ParDo(LogProgress())
        failed = [read["failures"], embedded[FAILURES]]
        parts = [wanted[SkipEnded.CLOCK], read["counts"], embedded[COUNTS]]
        if DOCUMENT in self.options.embeddings:
            combined = rows | "CombineDocuments" >> CombineDocuments(self.options.kept_fields)
            documents = combined[DOCUMENTS] | "ShapeDocumentVectors" >> self._shape([DOCUMENT_OUTPUT])
            written = documents | "WriteDocuments" >> make_write_documents(
                self.task.staging.path, self.document_formats
            )
            files = written["files"] | "EachDocumentFile" >> beam.FlatMap(list)
            parts += [files, written["counts"], combined[COMBINE_COUNTS]]
            failed.append(combined[COMBINE_FAILURES])
            if "mean" not in self.options.embeddings:
                rows = rows | "DropMean" >> beam.Map(lambda batch: batch.drop_columns([MEAN_OUTPUT]))
        rows = rows | "ShapeVectors" >> self._shape([EMBEDDING_COLUMNS[name] for name in self.options.row_embeddings])
        checked = self.table.check_rows(rows)
        failed += checked.failures
        parts += checked.counts
        written = checked.rows | "WriteShards" >> self._make_write()
        parts += written.values()
        if self.finished is not None:
            parts += self._add_finished(embedded[MET], self.finished)
        failures = failed | "AllFailures" >> beam.Flatten()
        return [*parts, *(failures | "WriteFailures" >> make_write_failures(self.task.staging.path)).values()]

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

    def _add_finished(self, met: beam.PCollection[Any], finished: FinishedRows) -> list[beam.PCollection[Any]]:
        copied = met | "CopyRepeated" >> beam.ParDo(CopyRepeated(finished)) | "WriteCopies" >> self._make_write()
        reused = (
            met.pipeline
            | "ReusedList" >> beam.Create([self.task.staging])
            | "ReadReused" >> beam.FlatMap(read_reused).with_output_types(Shard)
        )
        return [*copied.values(), reused]


def write_reused(staging: StagingFolder, shards: Sequence[Shard]) -> None:
    """Stages the list of the shards that a run takes over: in the graph it could be larger than a runner allows."""
    staging.write(REUSED_FILE, "".join(shard.to_json() + "\n" for shard in shards).encode())


def read_reused(staging: StagingFolder) -> Iterator[Shard]:
    """Yields the shards of `write_reused`."""
    for line in (staging.read(REUSED_FILE) or b"").splitlines():
        yield Shard.from_json(line)
