"""The main job: reads a corpus, embeds it and publishes the rows with a manifest."""

from __future__ import annotations

import copy
import dataclasses
import os
import time

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from albert_embed.model.handler import AlbertModelHandler
from albert_embed.model.model_directory import ModelDirectory
from albert_embed.pipeline.bigquery.column_kinds import read_query_kinds, read_table_kinds
from albert_embed.pipeline.bigquery.load_format import LOAD_FORMAT
from albert_embed.pipeline.bigquery.table_sink import make_table_sink
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.embed.choose_rows import choose_row_schema
from albert_embed.pipeline.embed.embed_pipeline import build_pipeline, run_pipeline
from albert_embed.pipeline.embed.embed_text import EmbedText
from albert_embed.pipeline.embed.open_model import load_model
from albert_embed.pipeline.embed.read_input import ReadForSinks, make_read_documents
from albert_embed.pipeline.embed.run_manifest import RunResult, describe_rows, make_manifest
from albert_embed.pipeline.formats.feature_schema import describe_features
from albert_embed.pipeline.formats.registry import FORMATS, make_formats
from albert_embed.pipeline.formats.row_format import WritableFormat
from albert_embed.pipeline.incremental.add_generation import is_same_dataset
from albert_embed.pipeline.incremental.compare_input import compare_input
from albert_embed.pipeline.incremental.dataset_differences import check_same_dataset
from albert_embed.pipeline.incremental.select_documents import make_select_documents
from albert_embed.pipeline.resume.finished_shards import FinishedRows
from albert_embed.pipeline.resume.run_fingerprint import fingerprint_run
from albert_embed.pipeline.resume.start_run import start_run
from albert_embed.pipeline.settings.batch_tokens import choose_batch_tokens
from albert_embed.pipeline.settings.embed_options import DOCUMENT, EmbedOptions
from albert_embed.pipeline.settings.failure_limit import FailureLimit
from albert_embed.pipeline.settings.runner import choose_runner, holds_shuffle_in_memory, threads_per_worker
from albert_embed.pipeline.settings.table_name import TableName, names_table
from albert_embed.pipeline.shards.statistics import Statistics
from albert_embed.pipeline.sources.field_types import add_field_types, add_kinds
from albert_embed.transforms.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.token_batches import TokenBatchConfig
from albert_embed.transforms.transform_graph import (
    check_transform_graph,
    describe_transform,
    save_transform_graph,
    transform_fingerprint,
)

DEFAULT_MAX_TOKENS = 512


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
        keep_fields=_add_field_types(options, project),
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
        options.model,
        embeddings=options.computed_embeddings,
        engine=options.engine,
        threads=threads_per_worker(beam_options),
    )
    # Patterns that match nothing are refused here, and so are tables without the fields that are asked for.
    project = beam_options.view_as(GoogleCloudOptions).project
    documents = ReadForSinks(make_read_documents(options, project, origins=options.incremental), options)
    row_schema = choose_row_schema(options, model.config.hidden_size)
    table = make_table_sink(options, row_schema, model, vocabulary, preprocessing)
    if table is not None:
        table.output.check()
    if options.transform is not None:
        description = check_transform_graph(options.transform, vocabulary, preprocessing)
    else:
        description = describe_transform(vocabulary, preprocessing)
    provenance = describe_rows(options, model, vocabulary, description)
    runner = choose_runner(beam_options)
    previous = output.prepare(
        overwrite=options.overwrite or options.rebuild,
        add=options.incremental and not options.rebuild,
    )
    shards = start_run(
        output,
        fingerprint=fingerprint_run(options, model, description),
        retries=not isinstance(runner, FnApiRunner),
    )
    finished = None
    if shards:
        finished = FinishedRows(
            directory=output.staging,
            shards=tuple(shards),
            schema=row_schema,
        )
    changes = None
    if options.incremental:
        if previous is not None:
            check_same_dataset(previous, provenance, options.output)
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
            select=None if changes is None else make_select_documents(changes.selected_files),
            finished=finished,
            reshuffle_batches=not holds_shuffle_in_memory(beam_options),
        )
        fingerprints = {
            "albert_embed.model_fingerprint": model.fingerprint,
            "albert_embed.transform_fingerprint": transform_fingerprint(description),
        }
        file_formats = [name for name in options.sinks if name in FORMATS]
        formats: list[WritableFormat] = [*make_formats(file_formats, row_schema, fingerprints)]
        document_formats = make_formats(file_formats, row_schema.of_documents(), fingerprints)
        if table is not None:
            formats.append(table.format)
        pipeline = beam.Pipeline(runner=runner, options=beam_options)
        build_pipeline(pipeline, documents, embed_text, formats, document_formats, table, options, output, finished)
        run = run_pipeline(pipeline, options, output)
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
        provenance=provenance,
        output=output,
        reused=shards,
        total_seconds=time.time() - started,
        batch_tokens=batching.batch_tokens,
    )
    if changes is not None:
        manifest = changes.add_to(previous, manifest, output)
        if previous is not None and is_same_dataset(previous, manifest):
            output.discard_staged()
            return EmbedOutcome(manifest=manifest, published=False)
    if table is not None:
        load_files = [FileSystems.join(output.staging, shard.data_file(LOAD_FORMAT)) for shard in run.shards]
        tombstones = [] if changes is None else changes.list_tombstones(output)
        manifest = dataclasses.replace(manifest, bigquery=table.load(load_files, tombstones))
    schema = documents_schema = None
    if "tfrecord" in options.sinks:
        if DOCUMENT in options.embeddings:
            documents_schema = describe_features(row_schema.of_documents())
        schema = describe_features(row_schema)
    published = output.publish(manifest, schema, documents_schema=documents_schema)
    return EmbedOutcome(manifest=published, published=True)


def _add_field_types(options: EmbedOptions, project: str | None) -> tuple[str, ...]:
    """`keep_fields` with the types that the input itself says for those that name none."""
    if options.chosen_format != "bigquery" or all(":" in field for field in options.keep_fields):
        return add_field_types(options.keep_fields, options.input, options.chosen_format)
    if options.query is not None:
        return add_kinds(options.keep_fields, read_query_kinds(options.query, project), "--query")
    kinds = read_table_kinds(TableName.parse(options.input[0]))
    return add_kinds(options.keep_fields, kinds, options.input[0])


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
