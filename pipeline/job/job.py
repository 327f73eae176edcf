"""The main job: reads a corpus, embeds it and publishes the rows, as a class of named steps."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.bigquery.table_sink import NoTable, TableSink, make_table_sink
from albert_embed.pipeline.commit.claim import Claim
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.commit.runner_job import RunnerJob, find_runner
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.commit.verdict import VERDICT_FILE, Verdict
from albert_embed.pipeline.console.interruption import say_if_interrupted
from albert_embed.pipeline.dataset.layout import DOCUMENTS_SCHEMA_FILE, ROWS_SCHEMA_FILE
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.embed.embed_prepared import EmbedPrepared
from albert_embed.pipeline.embed.resolve_input import Input, make_document_reader
from albert_embed.pipeline.formats.feature_schema import describe_features
from albert_embed.pipeline.formats.registry import make_formats
from albert_embed.pipeline.incremental.id_buckets import count_buckets
from albert_embed.pipeline.incremental.published_version import PublishedVersion
from albert_embed.pipeline.inputs.standard_input import spool_standard_input
from albert_embed.pipeline.job.check_output import (
    adds_to_output,
    check_waiting,
    find_latest,
    find_template,
    outlives_program,
)
from albert_embed.pipeline.job.compact_after_run import compact_after_run
from albert_embed.pipeline.job.embed_outcome import EmbedOutcome
from albert_embed.pipeline.job.embed_pipeline import EmbedPipeline
from albert_embed.pipeline.job.interrupted_run import describe_interrupted_run, describe_interrupted_submission
from albert_embed.pipeline.job.prepared_run import PreparedRun, prepare_run
from albert_embed.pipeline.job.resolve_options import resolve_options
from albert_embed.pipeline.job.submit_run import SubmittedRun, explain, read_published, submit, wait_for_verdict
from albert_embed.pipeline.launch.gpu_request import find_inference_accelerator
from albert_embed.pipeline.launch.graph_size import check_graph_size
from albert_embed.pipeline.progress.display import Display, NoDisplay
from albert_embed.pipeline.progress.run_counts import RunCounts
from albert_embed.pipeline.progress.run_status import RunWork
from albert_embed.pipeline.progress.watch_run import watch_run
from albert_embed.pipeline.publication.commit_task import CommitTask
from albert_embed.pipeline.publication.run_errors import fail_as_run
from albert_embed.pipeline.reading.read_input import Comparison, ReadInput, pack
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.resume.run_fingerprint import fingerprint_run
from albert_embed.pipeline.resume.start_run import StartedRun, start_run
from albert_embed.pipeline.settings.embed_choices import DOCUMENT
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import choose_runner, holds_shuffle_in_memory
from albert_embed.transforms.graph.transform_graph import save_transform_graph

logger = logging.getLogger(__name__)


def run_embed(
    options: EmbedOptions, beam_options: PipelineOptions, display: Display | None = None
) -> EmbedOutcome | SubmittedRun:
    """Runs the whole job, which publishes its result; with `no_wait`, or for a template, only submits it.

    Args:
      options: of the run.
      beam_options: of Beam.
      display: shows how far the run is; None for nothing.

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
      VersionConflictError: if another run has published meanwhile; nothing of this one has been published.
      TableLoadError: if the table could not be loaded; the files have been published.
      RuntimeError: if anything failed once the run had started, among it what would be a ValueError or an OSError
        before; nothing has been published.
    """
    with spool_standard_input(options, beam_options) as standard_input:
        options, given = resolve_options(options, beam_options, standard_input)
        run = prepare_run(options, beam_options)
        table = make_table_sink(run.options, run.rows, run.model.directory, run.model.vocabulary, run.preprocessing)
        outcome = EmbedJob(run, given, table, display or NoDisplay()).execute()
    if isinstance(outcome, SubmittedRun):
        return outcome
    return compact_after_run(outcome, options, beam_options)


class EmbedJob:
    """One run of `embed`, step by step.

    Args:
      run: prepared.
      given: its input.
      table: of the run.
      display: shows how far it is.

    Raises:
      ValueError, OSError: if the input can't be read.
    """

    def __init__(self, run: PreparedRun, given: Input, table: TableSink | NoTable, display: Display) -> None:
        self._run = run
        self._given = given
        self._display = display
        self._options = run.options
        self._table = table
        self._input = given.open_parts(RecordFields.of(run.options))
        self._runner = choose_runner(run.beam_options)
        self._staging = StagingFolder(directory=run.options.output, run=make_run_name())
        self._claim = Claim(run.options.output, self._staging.run)
        self._job: RunnerJob | None = None

    def execute(self) -> EmbedOutcome | SubmittedRun:
        """Runs all steps; raises what `run_embed` raises."""
        check_waiting(self._options, self._run.beam_options)
        check_graph_size(pack(self._input.parts), self._run.beam_options)
        self._table.check()
        self._claim.acquire(self._run.beam_options)
        say_if_interrupted(lambda: describe_interrupted_run(self._staging))
        try:
            latest = find_latest(self._options, self._run.provenance, self._table)
            with fail_as_run():
                return self._run_steps(latest)
        finally:
            self._end_claim()

    def _end_claim(self) -> None:
        """Releases the claim; or leaves it to the job, where that goes on though this program waits no longer."""
        job = self._job
        if (
            job is not None
            and not self._staging.has(VERDICT_FILE)
            and job.is_alive(self._run.beam_options) is not False
        ):
            logger.info("the job %s goes on, and publishes by itself", job.job_id)
            self._claim.leave()
        else:
            with _tolerate("release its claim"):
                self._claim.release()

    def _run_steps(self, latest: Manifest | None) -> EmbedOutcome | SubmittedRun:
        """Runs all steps that write something.

        Args:
          latest: the version that is there when the run begins, if there is one.
        """
        started = self._start()
        pipeline = beam.Pipeline(runner=self._runner, options=self._run.beam_options)
        self._make_pipeline(started, latest).build(pipeline)
        logger.info(
            "embedding %s, read as %s, with %s",
            ", ".join(self._options.input) or "the query",
            self._options.format,
            self._options.model,
        )
        work = RunWork(title="embedding", bytes=self._input.stored_bytes, compares=self._options.incremental)
        with watch_run(self._display, work) as counts:
            return self._run_pipeline(pipeline, counts)

    def _start(self) -> StartedRun:
        """Writes down what this run is, and returns what runs that were cut off have finished of it."""
        given = self._given
        fingerprint = fingerprint_run(
            self._options, given.fingerprint, self._run.model.directory, self._run.engine, self._run.description
        )
        started = start_run(self._staging, fingerprint=fingerprint, range_bytes=given.range_bytes)
        if started.range_bytes != given.range_bytes:
            self._input = given.open_parts(RecordFields.of(self._options), started.range_bytes)
        return started

    def _make_read(self, started: StartedRun, latest: Manifest | None) -> ReadInput:
        runs = [StagingFolder(directory=self._options.output, run=run).path for run in started.unfinished_runs]
        return ReadInput(
            self._input.parts,
            make_document_reader(self._input.reader, self._options),
            comparison=self._compare_with(latest if adds_to_output(self._options) else None)
            if self._options.incremental
            else None,
            unfinished_runs=runs,
        )

    def _compare_with(self, previous: Manifest | None) -> Comparison:
        """Returns how an incremental run compares its input with the version that it adds to, if there is one."""
        published, rows = None, 0
        if previous is not None:
            published = PublishedVersion(directory=self._options.output, number=previous.generation)
            rows = sum(file.rows or 0 for file in previous.index_shards)
        return Comparison(
            published=published,
            full_snapshot=self._options.full_snapshot,
            buckets=count_buckets(self._input.bytes, rows),
        )

    def _make_pipeline(self, started: StartedRun, latest: Manifest | None) -> EmbedPipeline:
        names, metadata = self._options.file_sinks, self._run.provenance.file_metadata
        return EmbedPipeline(
            options=self._options,
            task=self._make_task(started, latest),
            documents=self._make_read(started, latest),
            embed=self._make_embed(),
            table=self._table,
            formats=(*make_formats(names, self._run.rows, metadata), *self._table.formats),
            document_formats=tuple(make_formats(names, self._run.rows.of_documents(), metadata)),
        )

    def _make_task(self, started: StartedRun, latest: Manifest | None) -> CommitTask:
        schemas, fields = {}, RecordFields.of(self._options)
        if "tfrecord" in self._options.sinks:
            schemas[ROWS_SCHEMA_FILE] = describe_features(self._run.rows)
            if DOCUMENT in self._options.embeddings:
                schemas[DOCUMENTS_SCHEMA_FILE] = describe_features(self._run.rows.of_documents())
        return CommitTask(
            staging=self._staging,
            options=self._options,
            provenance=self._run.provenance,
            base=0 if latest is None else latest.generation,
            adds=adds_to_output(self._options),
            started=self._run.started,
            batch_tokens=self._run.batching.batch_tokens,
            schemas=schemas,
            known_fields=tuple(sorted(self._given.list_known_fields())) if fields.list_options() else (),
            dead_runs=started.unfinished_runs,
            releases_claim=outlives_program(self._runner),
        )

    def _make_embed(self) -> EmbedPrepared:
        return EmbedPrepared(
            transform_directory=self._options.transform or self._save_transform(),
            handler=self._run.make_handler(),
            batching=self._run.batching,
            token_vocabulary=self._run.model.vocabulary if self._options.tokens else None,
            reshuffle_batches=not holds_shuffle_in_memory(self._run.beam_options),
            accelerator=find_inference_accelerator(self._options.gpu, self._options.gpu_pool),
        )

    def _save_transform(self) -> str:
        """Stages the transform graph, where the workers can read it."""
        directory = self._staging.join("transform")
        save_transform_graph(self._run.model.vocabulary, self._run.preprocessing, directory)
        return directory

    def _run_pipeline(self, pipeline: beam.Pipeline, counts: RunCounts) -> EmbedOutcome | SubmittedRun:
        """Runs the pipeline, which publishes, and returns what came of it."""
        template, runner = find_template(self._run.beam_options), find_runner(self._run.beam_options)
        if template is None and runner is not None:
            self._claim.note_submission(runner)
            say_if_interrupted(lambda: describe_interrupted_submission(self._options.output, runner))
        try:
            result, job = submit(pipeline, self._run.beam_options)
        except Exception as e:  # the in-process runner raises here what its steps have raised
            return self._conclude(explain(self._staging, e))
        if template is not None:
            return SubmittedRun(run=self._staging.run, job=None, template=template)
        if job is not None:
            self._job = job
            self._claim.note_job(job)
        say_if_interrupted(lambda: describe_interrupted_run(self._staging))
        if self._options.no_wait:
            self._claim.leave()
            return SubmittedRun(run=self._staging.run, job=job, template=None)
        counts.note_result(result)
        return self._conclude(wait_for_verdict(result, self._staging))

    def _conclude(self, verdict: Verdict) -> EmbedOutcome:
        """Returns the outcome of a run that has not failed, and removes the rest of what it has staged."""
        self._job = None
        if verdict.manifest is None:
            outcome = EmbedOutcome(manifest=read_published(self._staging, verdict.generation), published=True)
        else:
            outcome = EmbedOutcome(manifest=verdict.manifest, published=False)
        with _tolerate("remove what it had staged"):
            self._staging.remove()
        return outcome


@contextlib.contextmanager
def _tolerate(what: str) -> Iterator[None]:
    """Logs an OSError of the `with` block: how a run ended is known by then, and the next one tidies up."""
    try:
        yield
    except OSError as e:
        logger.warning("the run has ended, but could not %s: %s", what, e)
