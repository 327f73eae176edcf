"""The pipeline that embeds: from the input to staged shards, failures and statistics."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.runners.runner import PipelineState

from albert_embed.model.handler import EMBEDDING_COLUMNS
from albert_embed.model.shape_vectors import shape_vectors
from albert_embed.pipeline.bigquery.table_sink import NoTable, TableSink
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.embed.combine_documents import DOCUMENTS, CombineDocuments
from albert_embed.pipeline.embed.combine_documents import FAILURES as COMBINE_FAILURES
from albert_embed.pipeline.embed.embed_text import EMBEDDINGS, FAILURES, MET, EmbedText
from albert_embed.pipeline.embed.progress import LogProgress
from albert_embed.pipeline.embed.read_input import ReadForSinks
from albert_embed.pipeline.embed.run_counters import read_counters
from albert_embed.pipeline.embed.run_manifest import RunResult
from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.resume.copy_repeated import CopyRepeated
from albert_embed.pipeline.resume.finished_shards import FinishedRows
from albert_embed.pipeline.settings.embed_options import DOCUMENT, EmbedOptions
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.shards.statistics import CountOutput, Statistics
from albert_embed.pipeline.writers.write_documents import WriteDocuments
from albert_embed.pipeline.writers.write_shards import SHARD_BYTES, SHARD_SECONDS, WriteShards
from albert_embed.transforms.columns import DOCUMENT_OUTPUT, MEAN_OUTPUT

logger = logging.getLogger(__name__)

_STATISTICS_FILE = "statistics.json"
_SHARDS_FILE = "shards.jsonl"
_DOCUMENT_FILES = "document_files.jsonl"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedPipeline:
    """The steps from the input to the staged files.

    Attributes:
      options: of the run.
      staging: the folder where everything is staged.
      documents: reads the input.
      embed_text: embeds it.
      table: the table of the run, which may refuse rows.
      formats: of the shards.
      document_formats: of the files of documents' vectors.
      finished: rows that a run that was cut off has finished; None means none.
    """

    options: EmbedOptions
    staging: str
    documents: ReadForSinks
    embed_text: EmbedText
    table: TableSink | NoTable
    formats: Sequence[WritableFormat]
    document_formats: Sequence[WritableFormat]
    finished: FinishedRows | None

    def build(self, pipeline: beam.Pipeline) -> None:
        """Adds all steps to `pipeline`, which is empty."""
        read = pipeline | "Read" >> self.documents
        embedded = read["documents"] | "EmbedText" >> self.embed_text
        rows = embedded[EMBEDDINGS] | "LogProgress" >> beam.ParDo(LogProgress())
        failed = [read["failures"], embedded[FAILURES]]
        if DOCUMENT in self.options.embeddings:
            failed.append(self._write_documents(rows))
            if "mean" not in self.options.embeddings:
                rows = rows | "DropMeans" >> beam.Map(lambda batch: batch.drop_columns([MEAN_OUTPUT]))
        rows = rows | "ShapeVectors" >> self._shape([EMBEDDING_COLUMNS[name] for name in self.options.row_embeddings])
        rows, refused = self.table.check_rows(rows)
        failed += refused
        shards = rows | "WriteEmbeddings" >> self._make_write()
        if self.finished is not None:
            shards = self._add_finished(shards, embedded[MET], self.finished)
        self._write_results(shards, failed | "AllFailures" >> beam.Flatten())

    def _write_documents(self, rows: beam.PCollection[Any]) -> beam.PCollection[Any]:
        """Stages the documents' vectors, and returns the failures."""
        combined = rows | "CombineDocuments" >> CombineDocuments(self.options.kept_fields)
        _ = (
            combined[DOCUMENTS]
            | "ShapeDocumentVectors" >> self._shape([DOCUMENT_OUTPUT])
            | "WriteDocuments" >> WriteDocuments(self.staging, self.document_formats)
            | "DocumentFileToJson" >> beam.Map(lambda file: json.dumps(file.to_dict()))
            | "WriteDocumentFileList" >> self._write_list(_DOCUMENT_FILES)
        )
        failures: beam.PCollection[Any] = combined[COMBINE_FAILURES]
        return failures

    def _shape(self, columns: list[str]) -> beam.PTransform[Any, Any]:
        """Cuts and normalises the vectors of some columns. A document's mean is made of whole ones before."""
        shape: beam.PTransform[Any, Any] = beam.Map(
            partial(shape_vectors, columns=columns, shape=self.options.vector_shape)
        )
        return shape

    def _make_write(self) -> WriteShards:
        options = self.options
        return WriteShards(
            self.staging,
            self.formats,
            shard_seconds=SHARD_SECONDS if options.shard_seconds is None else options.shard_seconds,
            shard_bytes=SHARD_BYTES if options.shard_bytes is None else options.shard_bytes,
        )

    def _add_finished(
        self, shards: beam.PCollection[Any], met: beam.PCollection[Any], finished: FinishedRows
    ) -> beam.PCollection[Any]:
        copied = met | "CopyRepeated" >> beam.ParDo(CopyRepeated(finished)) | "WriteCopies" >> self._make_write()
        reused = shards.pipeline | "FinishedShards" >> beam.Create(finished.shards)
        all_shards: beam.PCollection[Any] = (shards, copied, reused) | "AllShards" >> beam.Flatten()
        return all_shards

    def _write_results(self, shards: beam.PCollection[Any], failures: beam.PCollection[Any]) -> None:
        """Stages the failures, the list of shards and the statistics."""
        _ = (
            shards
            | "ShardToJson" >> beam.Map(lambda shard: shard.to_json())
            | "WriteShardList" >> self._write_list(_SHARDS_FILE)
        )
        _ = (
            failures
            | "FailureToJson" >> beam.Map(lambda failure: failure.to_json())
            | "WriteFailures"
            >> beam.io.WriteToText(FileSystems.join(self.staging, "failures"), file_name_suffix=".jsonl")
        )
        _ = (
            (shards, failures)
            | "CountOutput" >> CountOutput()
            | "StatisticsToJson" >> beam.Map(lambda statistics: statistics.to_json())
            | "WriteStatistics" >> self._write_list(_STATISTICS_FILE)
        )

    def _write_list(self, name: str) -> beam.PTransform[Any, Any]:
        """Writes lines to one staged file."""
        return beam.io.WriteToText(FileSystems.join(self.staging, name), num_shards=1, shard_name_template="")


def run_pipeline(pipeline: beam.Pipeline, options: EmbedOptions, output: OutputDirectory) -> RunResult:
    """Runs the pipeline that `EmbedPipeline` has built.

    Raises:
      RuntimeError: if it fails.
    """
    logger.info(
        "embedding %s, read as %s, with %s",
        ", ".join(options.input) or "the query",
        options.format,
        options.model,
    )
    started = time.time()
    result = pipeline.run()
    state = result.wait_until_finish()
    if state not in (None, PipelineState.DONE):
        raise RuntimeError(f"the pipeline ended as {state}; nothing was published in {options.output}")
    return RunResult(
        statistics=Statistics(**json.loads(output.read_staged(_STATISTICS_FILE))),
        shards=[Shard.from_json(line) for line in output.read_staged(_SHARDS_FILE).splitlines()],
        document_files=[DataFile(**json.loads(line)) for line in output.read_staged(_DOCUMENT_FILES).splitlines()]
        if DOCUMENT in options.embeddings
        else [],
        counters=read_counters(result),
        seconds=time.time() - started,
    )
