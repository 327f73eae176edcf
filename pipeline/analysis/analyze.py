"""The analysis job: one full pass over a corpus, published as a transform graph with `analysis.json`."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from albert_embed.model.directory.builtin_model import note_builtin
from albert_embed.pipeline.analysis.analysis_cache import AnalysisCache
from albert_embed.pipeline.analysis.analysis_directory import CACHE, TRANSFORM, AnalysisDirectory
from albert_embed.pipeline.analysis.corpus_pass import Corpus, run_pass
from albert_embed.pipeline.analysis.corpus_report import (
    AnalysedCorpus,
    AnalysisMeasurements,
    CorpusFailures,
    CorpusReport,
)
from albert_embed.pipeline.analysis.plan_embedding import PlannedRun, plan_embedding
from albert_embed.pipeline.dataset.manifest import stamp_now
from albert_embed.pipeline.dataset.provenance import list_library_versions
from albert_embed.pipeline.documents.count_fields import check_counted_fields
from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.embed.resolve_input import list_input_files
from albert_embed.pipeline.inputs.standard_input import spool_standard_input
from albert_embed.pipeline.job.prepared_run import PreparedRun, fit_preprocessing
from albert_embed.pipeline.job.resolve_options import (
    check_path_names,
    list_read_paths,
    make_absolute,
    with_absolute_paths,
)
from albert_embed.pipeline.launch.gpu_table import read_gpu_table
from albert_embed.pipeline.launch.local_paths import refuse_local_paths
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.progress.display import Display, NoDisplay
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.analyze_options import AnalyzeOptions
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import choose_runner, count_workers
from albert_embed.transforms.corpus.corpus_analysis import ANALYSIS_VERSION
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.graph.transform_graph import describe_transform, save_transform_graph
from albert_embed.transforms.steps import metrics
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.text.vocabulary import Vocabulary

logger = logging.getLogger(__name__)


def run_analyze(options: AnalyzeOptions, beam_options: PipelineOptions, display: Display | None = None) -> CorpusReport:
    """Runs the analysis and returns what was published.

    Args:
      options: of the analysis.
      beam_options: of Beam.
      display: shows how far the analysis is; None for nothing.

    Raises:
      ValueError, OSError: if an option, the model, the cache, the output or the input can't be used; nothing has
        been read by then.
      RuntimeError: if the pipeline failed; nothing has been published.
    """
    options = dataclasses.replace(
        options,
        embed=with_absolute_paths(options.embed),
        cache=None if options.cache is None else make_absolute(options.cache),
    )
    check_path_names(options.embed)
    refuse_local_paths(
        [*list_read_paths(options.embed), ("--output", options.embed.output), ("--cache", options.cache)],
        beam_options,
        shared_filesystem=options.embed.shared_filesystem,
    )
    output = AnalysisDirectory(options.embed.output)
    try:
        with spool_standard_input(options.embed, beam_options) as standard_input:
            return _analyze_into(output, options, beam_options, standard_input, display or NoDisplay())
    finally:
        output.release()


def _analyze_into(
    output: AnalysisDirectory,
    options: AnalyzeOptions,
    beam_options: PipelineOptions,
    standard_input: InputFile | None,
    display: Display,
) -> CorpusReport:
    started = time.time()
    embed = options.embed
    note_builtin(embed.model)
    model = open_model(embed.model)
    vocabulary, preprocessing = model.vocabulary, fit_preprocessing(embed, model)
    given = list_input_files(embed, standard_input, workers=count_workers(beam_options))
    given.check_fields(RecordFields.of(embed))
    options = dataclasses.replace(options, embed=dataclasses.replace(embed, format=given.format))
    embed = options.embed
    table = read_gpu_table(options.rates) if options.plan else None
    output.prepare(overwrite=embed.overwrite)
    with contextlib.closing(open_cache(options, vocabulary, preprocessing)) as cache:
        transform_directory = FileSystems.join(output.staging, TRANSFORM)
        run = PreparedRun(
            started=started,
            options=embed,
            beam_options=beam_options,
            model=model,
            preprocessing=preprocessing,
            description=save_transform_graph(vocabulary, preprocessing, transform_directory),
        )
        prepare_seconds = time.time() - started
        with _open_work_directory(output, beam_options) as work:
            found = run_pass(run, cache, given, work, display)
        if not found.corpus.cached:  # else not all records were read now
            check_counted_fields(found.counters, RecordFields.of(embed), given.list_known_fields)
        pipeline_seconds = time.time() - started - prepare_seconds
        plan = None
        if table is not None:
            logger.info("timing a few batches of the model for the plan")
            planned = PlannedRun(
                run=run,
                statistics=found.statistics,
                transform_directory=transform_directory,
                prepare_seconds=prepare_seconds,
            )
            plan = plan_embedding(planned, table)
        failure_files = [cache.failures_file(dataset) for dataset in sorted(found.corpus.datasets)]
        report = CorpusReport(
            created=stamp_now(),
            corpus=_describe_corpus(found.corpus, embed),
            model=model.describe(),
            transform=run.transform,
            statistics=found.statistics.to_dict(),
            failures=_count_failures(failure_files),
            plan=plan,
            options=options.to_dict(),
            measured=AnalysisMeasurements(
                start_seconds=round(prepare_seconds, 3),
                pipeline_seconds=round(pipeline_seconds, 3),
                documents_read=found.counters.get(metrics.DOCUMENTS, 0),
                counters=found.counters,
            ),
            versions=list_library_versions(),
        )
        return output.publish(report, failure_files)


@contextlib.contextmanager
def _open_work_directory(output: AnalysisDirectory, beam_options: PipelineOptions) -> Iterator[str]:
    """Yields a folder that workers and TensorFlow can write to: local for local workers, else below the output.

    TensorFlow knows fewer file systems than Beam, and tf.Transform writes with both.
    """
    if isinstance(choose_runner(beam_options), FnApiRunner):
        with tempfile.TemporaryDirectory() as work:
            yield work
    else:
        yield FileSystems.join(output.staging, "work")


def open_cache(options: AnalyzeOptions, vocabulary: Vocabulary, config: PreprocessingConfig) -> AnalysisCache:
    """Opens the cache for this analysis and locks it until it is closed; one of other options or versions is emptied.

    Raises:
      AnalysisCacheError: if the cache that `--cache` names belongs to another model.
      OutputError: if another run is using it.
    """
    embed = options.embed
    cache = AnalysisCache(
        options.cache or FileSystems.join(embed.output, CACHE),
        vocabulary_fingerprint=vocabulary.fingerprint,
        provenance={
            "analysis": ANALYSIS_VERSION,
            "transform": describe_transform(vocabulary, config),
            "libraries": list_library_versions(),
            "read_as": [embed.format, embed.csv_max_lines, embed.text_field, embed.id_field, embed.pair_field],
            "failure_text": embed.failure_text,
        },
    )
    # --overwrite also replaces the output's own cache; a cache that is named may belong to others as well.
    cache.open(replace=options.cache is None and embed.overwrite)
    return cache


def _count_failures(files: Sequence[str]) -> CorpusFailures:
    by_reason: Counter[str] = Counter()
    for path in files:
        with FileSystems.open(path) as content:
            for line in content:
                by_reason[Failure.from_json(line).category] += 1
    return CorpusFailures(count=by_reason.total(), by_reason=dict(sorted(by_reason.items())))


def _describe_corpus(corpus: Corpus, embed: EmbedOptions) -> AnalysedCorpus:
    return AnalysedCorpus(
        patterns=list(embed.input),
        format=corpus.given.format,
        files=len(corpus.given.files),
        bytes=sum(file.bytes for file in corpus.given.files),
        files_read=sum(len(dataset.files) for dataset in corpus.new),
        files_from_cache=sum(len(dataset.files) for dataset in corpus.cached),
    )
