"""The main job: reads a corpus, embeds it, writes TFRecord and publishes it with a manifest."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import functools
import json
import logging
import os
import time
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineState

from model.engines import choose_engine
from model.handler import EMBEDDING_COLUMNS, AlbertModelHandler
from model.model_directory import ModelDirectory
from pipeline.batch_tokens import choose_batch_tokens
from pipeline.bigquery.load_format import LOAD_FORMAT
from pipeline.bigquery.table_name import TableName, names_table
from pipeline.bigquery.table_sink import CheckTableRows, TableSink, make_table_sink
from pipeline.embed_options import EmbedOptions
from pipeline.embed_text import EMBEDDINGS, FAILURES, MET, CountFailures, EmbedText
from pipeline.example_encoding import describe_examples
from pipeline.failure_limit import FailureLimit
from pipeline.incremental.compare_input import compare_input
from pipeline.incremental.dataset_differences import check_same_dataset
from pipeline.incremental.generations import describe_generation, is_same_output
from pipeline.incremental.select_documents import SelectDocuments
from pipeline.load_model import load_model
from pipeline.manifest import Manifest
from pipeline.output_directory import OutputDirectory
from pipeline.progress import LogProgress
from pipeline.read_documents import make_read_documents
from pipeline.read_for_sinks import ReadForSinks
from pipeline.run_counters import read_counters
from pipeline.run_fingerprint import fingerprint_run
from pipeline.runner import choose_runner, threads_per_worker
from pipeline.sinks.choose_formats import choose_formats
from pipeline.sinks.copy_repeated import CopyRepeated
from pipeline.sinks.finished_shards import FinishedRows
from pipeline.sinks.shard import INDEX_PREFIX, Shard, list_data_files, list_index_files
from pipeline.sinks.shard_format import ShardFormat
from pipeline.sinks.write_shards import SHARD_BYTES, SHARD_SECONDS, WriteShards
from pipeline.sources.field_types import add_field_types
from pipeline.statistics import CountOutput, Statistics
from pipeline.versions import list_versions
from transforms.preprocessing_config import PreprocessingConfig
from transforms.token_batches import TokenBatchConfig
from transforms.transform_graph import (
    Description,
    check_transform_graph,
    describe_transform,
    save_transform_graph,
    transform_fingerprint,
)
from transforms.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

DEFAULT_MAX_TOKENS = 512
_STATISTICS_FILE = "statistics.json"
_SHARDS_FILE = "shards.jsonl"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedOutcome:
    """What a run came to.

    Attributes:
      manifest: of the output, and what this run measured.
      published: False where an incremental run found nothing to add, so that the output is as it was.
    """

    manifest: Manifest
    published: bool


def run_embed(options: EmbedOptions, beam_options: PipelineOptions) -> EmbedOutcome:
    """Runs the whole job and publishes what it has made.

    Raises:
      ValueError, OSError: where an option, the model, the transform or the input can't be used; nothing has been
        read by then.
      TooManyFailuresError: where more documents failed than `max_failures` allows; nothing has been published, and
        the failures stay readable in the staging folder until the next run.
      IncompleteSnapshotError: where `full_snapshot` would delete documents because the input is broken or empty;
        nothing has been published.
      RuntimeError: where the pipeline failed; nothing has been published.
    """
    options = with_absolute_paths(place_output(options, beam_options))
    project = beam_options.view_as(GoogleCloudOptions).project
    options = dataclasses.replace(
        options,
        keep_fields=add_field_types(
            options.keep_fields, options.input, options.chosen_format, query=options.query, project=project
        ),
    )
    output = OutputDirectory(options.output)
    try:
        return _embed_into(output, options, beam_options)
    finally:
        output.release()


def _embed_into(output: OutputDirectory, options: EmbedOptions, beam_options: PipelineOptions) -> EmbedOutcome:
    started = time.time()
    model, vocabulary = load_model(options.model)
    preprocessing = make_preprocessing_config(options, model)
    batching = TokenBatchConfig(
        batch_tokens=choose_batch_tokens(
            options.batch_tokens, max_tokens=preprocessing.max_tokens, beam_options=beam_options
        ),
        max_tokens=preprocessing.max_tokens,
    )
    handler = AlbertModelHandler(
        options.model, embeddings=options.embeddings, engine=options.engine, threads=threads_per_worker(beam_options)
    )
    # Patterns that match nothing are refused here, and so are tables without the fields that are asked for.
    project = beam_options.view_as(GoogleCloudOptions).project
    documents = ReadForSinks(make_read_documents(options, project, origins=options.incremental), options)
    table = make_table_sink(options, model, vocabulary, preprocessing)
    if table is not None:
        table.output.check()
    if options.transform is not None:
        description = check_transform_graph(options.transform, vocabulary, preprocessing)
    else:
        description = describe_transform(vocabulary, preprocessing)
    made_with = describe_rows(options, model, vocabulary, description)
    runner = choose_runner(beam_options)
    previous = output.prepare(
        overwrite=options.overwrite or options.rebuild,
        add=options.incremental and not options.rebuild,
        fingerprint=fingerprint_run(options, model, description),
        retries=not isinstance(runner, FnApiRunner),
    )
    finished = None
    if output.finished:
        finished = FinishedRows(
            directory=output.staging,
            shards=tuple(output.finished),
            encoding=options.encoding,
            kept=options.kept_fields,
        )
    changes = None
    if options.incremental:
        if previous is not None:
            check_same_dataset(previous, made_with, options.output)
            if table is not None:
                table.check_added_to(previous)
        # Copied, because a PTransform belongs to the one pipeline that it is applied in.
        changes = compare_input(
            copy.deepcopy(documents),
            previous=previous,
            output=output,
            full_snapshot=options.full_snapshot,
            beam_options=beam_options,
        )
    run = RunResult(statistics=Statistics(failures={} if changes is None else changes.failures))
    if changes is None or changes.selected_files:
        transform_directory = options.transform
        if transform_directory is None:
            transform_directory = FileSystems.join(output.staging, "transform")
            save_transform_graph(vocabulary, preprocessing, transform_directory)
        embed_text = EmbedText(
            transform_directory=transform_directory,
            handler=handler,
            batching=batching,
            token_vocabulary=vocabulary if options.tokens else None,
            select=None if changes is None else SelectDocuments(changes.selected_files),
            finished=finished,
        )
        fingerprints = {
            "albert_embed.model_fingerprint": model.fingerprint,
            "albert_embed.transform_fingerprint": transform_fingerprint(description),
        }
        formats = choose_formats(options, hidden_size=model.config.hidden_size, metadata=fingerprints, table=table)
        pipeline = beam.Pipeline(runner=runner, options=beam_options)
        _build(pipeline, documents, embed_text, formats, table, options, output, finished)
        run = _run_pipeline(pipeline, options, output)
    if changes is not None:
        changes.warn_of_missing(run.counters)
    if options.max_failures is not None:
        FailureLimit.parse(options.max_failures).check(
            documents=run.statistics.documents + (0 if changes is None else changes.counts.documents.unchanged),
            failures=run.statistics.failures,
            kept=FileSystems.join(output.staging, "failures-*"),
        )
    manifest = make_manifest(
        run,
        made_with=made_with,
        output=output,
        total_seconds=time.time() - started,
        batch_tokens=batching.batch_tokens,
    )
    if changes is not None:
        manifest = changes.add_to(previous, manifest, output)
        if previous is not None and is_same_output(previous, manifest):
            output.discard_staged()
            return EmbedOutcome(manifest=manifest, published=False)
    if table is not None:
        load_files = [FileSystems.join(output.staging, shard.data_file(LOAD_FORMAT)) for shard in run.shards]
        superseded = [] if changes is None else changes.list_superseded(output)
        manifest = dataclasses.replace(manifest, bigquery=table.load(load_files, superseded))
    schema = None
    if "tfrecord" in options.sinks:
        schema = describe_examples(
            manifest.embeddings, manifest.hidden_size, options.encoding, options.kept_fields, tokens=options.tokens
        )
    return EmbedOutcome(manifest=output.publish(manifest, schema), published=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a pipeline that embeds has staged.

    Attributes:
      statistics: of the rows and failures.
      shards: finished.
      counters: of the pipeline.
      seconds: that it took.
    """

    statistics: Statistics
    shards: list[Shard] = dataclasses.field(default_factory=list)
    counters: dict[str, int] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


def _run_pipeline(pipeline: beam.Pipeline, options: EmbedOptions, output: OutputDirectory) -> RunResult:
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
        counters=read_counters(result),
        seconds=time.time() - started,
    )


def make_preprocessing_config(options: EmbedOptions, model: ModelDirectory) -> PreprocessingConfig:
    """The options of preprocessing for this model.

    Raises:
      ValueError: where max_tokens exceeds the model's positions, or an option is out of its range.
    """
    positions = model.config.max_position_embeddings
    max_tokens = options.max_tokens or min(DEFAULT_MAX_TOKENS, positions)
    if max_tokens > positions:
        raise ValueError(f"--max-tokens {max_tokens} is more than the {positions} positions that the model has")
    if options.pair_field is not None and model.config.type_vocab_size < 2:
        raise ValueError("--pair-field needs a model with two segments; this one's type_vocab_size is 1")
    return PreprocessingConfig(
        lower_case=model.lower_case,
        max_tokens=max_tokens,
        long_documents=options.long_documents,  # type: ignore[arg-type]
        window_overlap=options.window_overlap,
        pair=options.pair_field is not None,
    )


def describe_rows(
    options: EmbedOptions, model: ModelDirectory, vocabulary: Vocabulary, description: Description
) -> dict[str, Any]:
    """What the rows of a run are made with, as the manifest has it."""
    return {
        "embeddings": [EMBEDDING_COLUMNS[name] for name in options.embeddings],
        "hidden_size": model.config.hidden_size,
        "encoding": options.encoding,
        "model": {
            "name": options.model,
            "fingerprint": model.fingerprint,
            "precision": model.precision,
            "engine": choose_engine(options.engine),
            "lower_case": model.lower_case,
            "vocabulary_fingerprint": vocabulary.fingerprint,
        },
        "transform": {"fingerprint": transform_fingerprint(description), "options": description["options"]},
        "options": options.to_dict(),
    }


def make_manifest(
    run: RunResult, *, made_with: dict[str, Any], output: OutputDirectory, total_seconds: float, batch_tokens: int
) -> Manifest:
    """The manifest of a run whose files are staged in `output`.

    Args:
      run: what it has staged.
      made_with: what `describe_rows` says.
      output: where.
      total_seconds: that it took from the start.
      batch_tokens: padded tokens of a batch at most.
    """
    statistics, counters = run.statistics, run.counters
    padded = counters.get("padded_tokens", 0)
    embedded_documents = statistics.documents - sum(shard.documents for shard in output.finished)
    embedded_tokens = statistics.tokens - sum(shard.tokens for shard in output.finished)
    index_sizes = {file["path"]: file["bytes"] for file in output.staged_files(INDEX_PREFIX)}
    created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    counts = {
        "documents": statistics.documents,
        "rows": statistics.rows,
        "tokens": statistics.tokens,
        "truncated": statistics.truncated,
        "failures": sum(statistics.failures.values()),
    }
    return Manifest(
        created=created,
        counts=counts,
        failures_by_reason=statistics.failures,
        shards=[file for file in list_data_files(run.shards) if file["format"] != LOAD_FORMAT],
        index_shards=list_index_files(run.shards, index_sizes),
        failure_shards=output.staged_files("failures-"),
        measured={
            "total_seconds": round(total_seconds, 3),
            "pipeline_seconds": round(run.seconds, 3),
            "batch_tokens": batch_tokens,
            "counters": counters,
            "documents_per_second": round(embedded_documents / run.seconds, 1) if run.seconds else 0.0,
            "useful_tokens_per_second": round(embedded_tokens / run.seconds, 1) if run.seconds else 0.0,
            "seconds_by_stage": _seconds_by_stage(counters, run.seconds),
            "fill": round(counters.get("tokens", 0) / padded, 4) if padded else None,
        },
        versions=list_versions(),
        generations=[describe_generation(created, counts)],
        **made_with,
    )


def _seconds_by_stage(counters: dict[str, int], pipeline_seconds: float) -> dict[str, float]:
    """Where the pipeline's time went, summed over workers; `other` is what is left of it, the runner's own included."""
    stages = {
        "read": counters.get("read_usecs", 0) / 1e6,
        "preprocess": counters.get("preprocess_usecs", 0) / 1e6,
        "load_model": counters.get("model_load_msecs", 0) / 1e3,
        "inference": counters.get("inference_msecs", 0) / 1e3,
        "write": counters.get("write_usecs", 0) / 1e6,
    }
    stages["other"] = max(0.0, pipeline_seconds - sum(stages.values()))
    return {name: round(value, 3) for name, value in stages.items()}


def _build(
    pipeline: beam.Pipeline,
    documents: ReadForSinks,
    embed_text: EmbedText,
    formats: list[ShardFormat],
    table: TableSink | None,
    options: EmbedOptions,
    output: OutputDirectory,
    finished: FinishedRows | None,
) -> None:
    read = pipeline | "Read" >> documents
    embedded = read["documents"] | "EmbedText" >> embed_text
    read_failures = read["failures"] | "CountReadFailures" >> beam.ParDo(CountFailures())
    rows, failed = embedded[EMBEDDINGS], [read_failures, embedded[FAILURES]]
    if table is not None:
        check = CheckTableRows(table.format.layout, table.largest_row_bytes)
        checked = rows | "CheckTableRows" >> beam.ParDo(check).with_outputs(CheckTableRows.FAILURES, main="rows")
        rows = checked["rows"]
        failed.append(checked[CheckTableRows.FAILURES] | "CountTableFailures" >> beam.ParDo(CountFailures()))
    failures = failed | "AllFailures" >> beam.Flatten()
    rows = rows | "LogProgress" >> beam.ParDo(LogProgress())
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
        | "WriteShardList"
        >> beam.io.WriteToText(FileSystems.join(output.staging, _SHARDS_FILE), num_shards=1, shard_name_template="")
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
        | "WriteStatistics"
        >> beam.io.WriteToText(FileSystems.join(output.staging, _STATISTICS_FILE), num_shards=1, shard_name_template="")
    )


def place_output(options: EmbedOptions, beam_options: PipelineOptions) -> EmbedOptions:
    """`options` with a directory for what goes into no table, below `--temp_location`, where only a table is given.

    What a former run wrote there is replaced: the rows are in the table.

    Raises:
      ValueError: where there is no `--temp_location`.
    """
    if options.output or options.table is None:
        return options
    location = beam_options.view_as(GoogleCloudOptions).temp_location
    if location is None:
        raise ValueError(
            "a table alone as --output needs --temp_location gs://BUCKET/PATH: the files that BigQuery loads, the "
            "failures and the manifest go there. Or give a directory beside the table"
        )
    directory = FileSystems.join(location, "albert-embed", str(TableName.parse(options.table)))
    return dataclasses.replace(options, output=directory, overwrite=True)


def with_absolute_paths(options: EmbedOptions) -> EmbedOptions:
    """`options` with local paths made absolute: workers may run in another folder."""
    return dataclasses.replace(
        options,
        model=make_absolute(options.model),
        input=tuple(make_absolute(pattern) for pattern in options.input),
        output=make_absolute(options.output),
        transform=None if options.transform is None else make_absolute(options.transform),
    )


def make_absolute(path: str) -> str:
    """A local path made absolute; any other, or a table's name, as it is."""
    return path if "://" in path or names_table(path) else os.path.abspath(path)
