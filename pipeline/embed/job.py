"""The main job: reads a corpus, embeds it and publishes the rows with a manifest."""

from __future__ import annotations

import copy
import dataclasses
import logging
import time

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from albert_embed.pipeline.bigquery.load_format import LOAD_FORMAT
from albert_embed.pipeline.bigquery.table_sink import NoTable, TableSink, make_table_sink
from albert_embed.pipeline.dataset.compact import compact_output
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.documents.count_fields import check_counted_fields
from albert_embed.pipeline.embed.embed_pipeline import EmbedPipeline, run_pipeline
from albert_embed.pipeline.embed.embed_text import EmbedText
from albert_embed.pipeline.embed.prepared_run import PreparedRun, prepare_run
from albert_embed.pipeline.embed.resolve_options import resolve_options
from albert_embed.pipeline.embed.run_failed import fail_as_run
from albert_embed.pipeline.embed.run_manifest import RunResult, make_manifest
from albert_embed.pipeline.formats.feature_schema import describe_features
from albert_embed.pipeline.formats.registry import FORMATS, make_formats
from albert_embed.pipeline.incremental.changes import AllDocuments, RunScope
from albert_embed.pipeline.incremental.compare_input import compare_input
from albert_embed.pipeline.incremental.dataset_differences import check_same_dataset
from albert_embed.pipeline.inputs.standard_input import spool_standard_input
from albert_embed.pipeline.launch.gpu_request import find_inference_accelerator
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.resume.finished_shards import FinishedRows
from albert_embed.pipeline.resume.run_fingerprint import fingerprint_run
from albert_embed.pipeline.resume.start_run import start_run
from albert_embed.pipeline.settings.embed_options import DOCUMENT, EmbedOptions
from albert_embed.pipeline.settings.failure_limit import check_failures
from albert_embed.pipeline.settings.runner import choose_runner, holds_shuffle_in_memory
from albert_embed.pipeline.shards.shard import Shard
from albert_embed.pipeline.shards.statistics import Statistics
from albert_embed.transforms.transform_graph import save_transform_graph

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedOutcome:
    """The result of a run.

    Attributes:
      manifest: of the output, with this run's measurements.
      published: False where an incremental run found nothing to add, so the output is unchanged.
      compacted: whether the output was compacted afterwards (`compact_above`), so that it has another manifest by now.
    """

    manifest: Manifest
    published: bool
    compacted: bool = False


def run_embed(options: EmbedOptions, beam_options: PipelineOptions) -> EmbedOutcome:
    """Runs the whole job and publishes its result.

    Raises:
      ValueError, OSError: if an option, the model, the transform or the input can't be used; nothing has been
        read by then.
      TooManyFailuresError: if more documents failed than `max_failures` allows; nothing has been published, and
        the failures stay readable in the staging folder until the next run.
      TooManyDeletionsError: if `full_snapshot` would delete more documents than `max_deletions` allows; nothing has
        been published.
      IncompleteSnapshotError: if `full_snapshot` would delete documents because the input is broken or empty;
        nothing has been published.
      MissingFieldError: if no record has a field that is to be kept; nothing has been published.
      RuntimeError: if anything failed once the run had started, among it what would be a ValueError or an OSError
        before; nothing has been published.
    """
    with spool_standard_input(options, beam_options) as standard_input:
        options, given = resolve_options(options, beam_options, standard_input)
        run = prepare_run(options, given, beam_options)
        table = make_table_sink(run.options, run.rows, run.model.directory, run.model.vocabulary, run.preprocessing)
        outcome = EmbedJob(run, table).execute()
    above = options.compact_above
    if above is not None and outcome.manifest.dead_share > above / 100:
        compacted = compact_output(options.output).manifest
        outcome = dataclasses.replace(outcome, compacted=True)
        logger.info("%s is compacted: %d rows in one generation", options.output, compacted.counts.rows)
    return outcome


class EmbedJob:
    """One run of `embed`, step by step.

    Args:
      run: prepared.
      table: of the run.

    Raises:
      ValueError, OSError: if the input can't be read.
    """

    def __init__(self, run: PreparedRun, table: TableSink | NoTable) -> None:
        self._run = run
        self._options = run.options
        self._table = table
        self._documents = run.make_read()
        self._output = OutputDirectory(run.options.output)
        self._runner = choose_runner(run.beam_options)

    def execute(self) -> EmbedOutcome:
        """Runs all steps; raises what `run_embed` raises."""
        self._table.check()
        try:
            previous = self._open_output()
            with fail_as_run():
                return self._run_steps(previous)
        finally:
            self._output.release()

    def _run_steps(self, previous: Manifest | None) -> EmbedOutcome:
        """Runs all steps that write something.

        Args:
          previous: of the dataset that the run adds to, if there is one.
        """
        reused = self._find_finished_shards()
        scope = self._choose_scope(previous)
        result = self._embed(scope, reused)
        scope.warn_of_missing(result.counters)
        check_counted_fields(result.counters, RecordFields.of(self._options), self._run.input.list_known_fields)
        self._check_failures(result, scope)
        manifest = scope.add_to_dataset(self._describe(result, reused))
        if scope.is_unchanged(manifest):
            self._output.discard_staged()
            return EmbedOutcome(manifest=manifest, published=False)
        return EmbedOutcome(manifest=self._publish(manifest, result, scope), published=True)

    def _open_output(self) -> Manifest | None:
        """Locks the output, and returns the manifest of the dataset that the run adds to, if there is one."""
        options = self._options
        previous = self._output.prepare(
            overwrite=options.overwrite or options.rebuild, add=options.incremental and not options.rebuild
        )
        if previous is not None:
            check_same_dataset(previous, self._run.provenance, options.output)
            self._table.check_added_to(previous)
        return previous

    def _find_finished_shards(self) -> list[Shard]:
        """Returns the shards that a run that was cut off has finished, and removes the other files that it staged."""
        return start_run(
            self._output,
            fingerprint=fingerprint_run(
                self._options, self._run.input.fingerprint, self._run.model.directory, self._run.description
            ),
            retries=not isinstance(self._runner, FnApiRunner),
        )

    def _choose_scope(self, previous: Manifest | None) -> RunScope:
        """Returns what to embed; an incremental run reads its input to find out."""
        if not self._options.incremental:
            return AllDocuments()
        return compare_input(
            copy.deepcopy(self._documents),  # a PTransform belongs to the one pipeline that it is applied in
            previous=previous,
            output=self._output,
            full_snapshot=self._options.full_snapshot,
            beam_options=self._run.beam_options,
        )

    def _embed(self, scope: RunScope, reused: list[Shard]) -> RunResult:
        """Stages the rows and failures of the documents to embed."""
        if scope.is_empty:
            return RunResult(statistics=Statistics(failures=scope.failures))
        finished = None
        if reused:
            finished = FinishedRows(directory=self._output.staging, shards=tuple(reused), schema=self._run.rows)
        pipeline = beam.Pipeline(runner=self._runner, options=self._run.beam_options)
        self._make_pipeline(self._make_embed_text(scope, finished), finished).build(pipeline)
        return run_pipeline(pipeline, self._options, self._output)

    def _make_embed_text(self, scope: RunScope, finished: FinishedRows | None) -> EmbedText:
        return EmbedText(
            transform_directory=self._options.transform or self._save_transform(),
            handler=self._run.make_handler(),
            batching=self._run.batching,
            token_vocabulary=self._run.model.vocabulary if self._options.tokens else None,
            select=scope.make_select(),
            finished=finished,
            reshuffle_batches=not holds_shuffle_in_memory(self._run.beam_options),
            accelerator=find_inference_accelerator(self._options.gpu, self._options.gpu_pool),
        )

    def _save_transform(self) -> str:
        """Stages the transform graph, where the workers can read it."""
        directory = FileSystems.join(self._output.staging, "transform")
        save_transform_graph(self._run.model.vocabulary, self._run.preprocessing, directory)
        return directory

    def _make_pipeline(self, embed_text: EmbedText, finished: FinishedRows | None) -> EmbedPipeline:
        provenance = self._run.provenance
        fingerprints = {
            "albert_embed.model_fingerprint": provenance.model.fingerprint,
            "albert_embed.transform_fingerprint": provenance.transform.fingerprint,
        }
        names = [name for name in self._options.sinks if name in FORMATS]
        return EmbedPipeline(
            options=self._options,
            staging=self._output.staging,
            documents=self._documents,
            embed_text=embed_text,
            table=self._table,
            formats=(*make_formats(names, self._run.rows, fingerprints), *self._table.formats),
            document_formats=tuple(make_formats(names, self._run.rows.of_documents(), fingerprints)),
            finished=finished,
        )

    def _check_failures(self, result: RunResult, scope: RunScope) -> None:
        check_failures(
            self._options.failure_limit,
            documents=result.statistics.documents + scope.unchanged,
            failures=result.statistics.failures,
            kept=FileSystems.join(self._output.staging, "failures-*"),
        )

    def _describe(self, result: RunResult, reused: list[Shard]) -> Manifest:
        """Returns the manifest of this run alone."""
        return make_manifest(
            result,
            provenance=self._run.provenance,
            output=self._output,
            reused=reused,
            total_seconds=time.time() - self._run.started,
            batch_tokens=self._run.batching.batch_tokens,
        )

    def _publish(self, manifest: Manifest, result: RunResult, scope: RunScope) -> Manifest:
        """Loads the table, if there is one, and moves the files to their places; returns the published manifest.

        Raises:
          TooManyDeletionsError: if more documents would be deleted than `max_deletions` allows.
          TableLoadError: if a job of BigQuery fails.
        """
        scope.check_deletions(self._options.deletion_limit)
        load_files = [FileSystems.join(self._output.staging, shard.data_file(LOAD_FORMAT)) for shard in result.shards]
        manifest = dataclasses.replace(manifest, bigquery=self._table.load(load_files, scope.list_tombstones()))
        schema = documents_schema = None
        if "tfrecord" in self._options.sinks:
            schema = describe_features(self._run.rows)
            if DOCUMENT in self._options.embeddings:
                documents_schema = describe_features(self._run.rows.of_documents())
        return self._output.publish(manifest, schema, documents_schema=documents_schema)
