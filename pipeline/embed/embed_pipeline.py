"""The pipeline that embeds: from the input to staged shards, failures and statistics."""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.runners.runner import PipelineState

from albert_embed.pipeline.bigquery.table_sink import TableSink, make_check_rows
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
from albert_embed.pipeline.shards.write_documents import WriteDocuments
from albert_embed.pipeline.shards.write_shards import SHARD_BYTES, SHARD_SECONDS, WriteShards
from albert_embed.transforms.columns import MEAN_OUTPUT

logger = logging.getLogger(__name__)

_STATISTICS_FILE = "statistics.json"
_SHARDS_FILE = "shards.jsonl"
_DOCUMENT_FILES = "document_files.jsonl"


def build_pipeline(
    pipeline: beam.Pipeline,
    documents: ReadForSinks,
    embed_text: EmbedText,
    formats: Sequence[WritableFormat],
    document_formats: Sequence[WritableFormat],
    table: TableSink | None,
    options: EmbedOptions,
    output: OutputDirectory,
    finished: FinishedRows | None,
) -> None:
    """Puts all steps into `pipeline`.

    Args:
      pipeline: still empty.
      documents: reads the input.
      embed_text: embeds it.
      formats: of the shards.
      document_formats: of the files of documents' vectors.
      table: of BigQuery, whose rows are checked; None for none.
      options: of the run.
      output: where everything is staged.
      finished: rows that a run that was cut off has finished; None for none.
    """
    read = pipeline | "Read" >> documents
    embedded = read["documents"] | "EmbedText" >> embed_text
    rows, failed = embedded[EMBEDDINGS], [read["failures"], embedded[FAILURES]]
    if table is not None:
        checked = rows | "CheckTableRows" >> make_check_rows(table.format.layout, table.max_row_bytes)
        rows = checked.passed
        failed.append(checked.failures)
    rows = rows | "LogProgress" >> beam.ParDo(LogProgress())
    if DOCUMENT in options.embeddings:
        combined = rows | "CombineDocuments" >> CombineDocuments(options.kept_fields)
        failed.append(combined[COMBINE_FAILURES])
        _ = (
            combined[DOCUMENTS]
            | "WriteDocuments" >> WriteDocuments(output.staging, document_formats)
            | "DocumentFileToJson" >> beam.Map(lambda file: json.dumps(file.to_dict()))
            | "WriteDocumentFileList" >> _write_list(output, _DOCUMENT_FILES)
        )
        if "mean" not in options.embeddings:
            rows = rows | "DropMeans" >> beam.Map(lambda batch: batch.drop_columns([MEAN_OUTPUT]))
    failures = failed | "AllFailures" >> beam.Flatten()
    write = functools.partial(
        WriteShards,
        output.staging,
        formats,
        shard_seconds=SHARD_SECONDS if options.shard_seconds is None else options.shard_seconds,
        shard_bytes=SHARD_BYTES if options.shard_bytes is None else options.shard_bytes,
    )
    shards = rows | "WriteEmbeddings" >> write()
    if finished is not None:
        copied = embedded[MET] | "CopyRepeated" >> beam.ParDo(CopyRepeated(finished)) | "WriteCopies" >> write()
        reused = pipeline | "FinishedShards" >> beam.Create(finished.shards)
        shards = (shards, copied, reused) | "AllShards" >> beam.Flatten()
    _ = (
        shards
        | "ShardToJson" >> beam.Map(lambda shard: shard.to_json())
        | "WriteShardList" >> _write_list(output, _SHARDS_FILE)
    )
    _ = (
        failures
        | "FailureToJson" >> beam.Map(lambda failure: failure.to_json())
        | "WriteFailures"
        >> beam.io.WriteToText(FileSystems.join(output.staging, "failures"), file_name_suffix=".jsonl")
    )
    _ = (
        (shards, failures)
        | "CountOutput" >> CountOutput()
        | "StatisticsToJson" >> beam.Map(lambda statistics: statistics.to_json())
        | "WriteStatistics" >> _write_list(output, _STATISTICS_FILE)
    )


def _write_list(output: OutputDirectory, name: str) -> beam.PTransform:
    """Writes lines to one staged file."""
    return beam.io.WriteToText(FileSystems.join(output.staging, name), num_shards=1, shard_name_template="")


def run_pipeline(pipeline: beam.Pipeline, options: EmbedOptions, output: OutputDirectory) -> RunResult:
    """Runs what `build_pipeline` has made to its end.

    Raises:
      RuntimeError: where it fails.
    """
    logger.info(
        "embedding %s, read as %s, with %s",
        ", ".join(options.input) or "the query",
        options.chosen_format,
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
