"""The analysis job: one full pass over a corpus, published as a transform graph with `analysis.json`."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineState

from albert_embed.pipeline.analysis.analysis_cache import FAILURES_FILE, AnalysisCache, Dataset
from albert_embed.pipeline.analysis.analysis_directory import CACHE, TRANSFORM, AnalysisDirectory
from albert_embed.pipeline.analysis.corpus_report import CorpusReport
from albert_embed.pipeline.analysis.plan import make_plan
from albert_embed.pipeline.analysis.plan_rates import read_plan_rates
from albert_embed.pipeline.dataset.provenance import TransformProvenance, list_versions
from albert_embed.pipeline.documents.prepare_documents import make_prepare_documents
from albert_embed.pipeline.documents.read_documents import ReadDocuments
from albert_embed.pipeline.embed.open_model import open_model
from albert_embed.pipeline.embed.prepared_run import fit_preprocessing
from albert_embed.pipeline.embed.resolve_options import make_absolute, with_absolute_paths
from albert_embed.pipeline.embed.run_counters import read_counters
from albert_embed.pipeline.settings.analyze_options import AnalyzeOptions
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import choose_runner
from albert_embed.pipeline.sources.file_input import FileInput, list_file_input
from albert_embed.pipeline.sources.record_fields import RecordFields
from albert_embed.transforms.analyze_texts import TextAnalysis
from albert_embed.transforms.batch_shapes import choose_batch_shapes
from albert_embed.transforms.corpus_analysis import ANALYSIS_VERSION, read_statistics
from albert_embed.transforms.corpus_statistics import CorpusStatistics
from albert_embed.transforms.directories import copy_directory
from albert_embed.transforms.failure import Failure
from albert_embed.transforms.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.transform_graph import describe_transform, save_transform_graph, transform_fingerprint
from albert_embed.transforms.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

_GRAPH = "analysis_graph"
_FAILURES = "failures"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Corpus:
    """The input, and the data sets that its files form."""

    given: FileInput
    cached: list[Dataset]
    new: list[Dataset]

    @property
    def datasets(self) -> list[Dataset]:
        return [*self.cached, *self.new]

    def without_cached(self, missing: set[str]) -> _Corpus:
        """Returns the same with the data sets that are `missing` from the cache among the new ones."""
        lost = [dataset for dataset in self.cached if dataset.key in missing]
        kept = [dataset for dataset in self.cached if dataset.key not in missing]
        return dataclasses.replace(self, cached=kept, new=[*self.new, *lost])


def run_analyze(options: AnalyzeOptions, beam_options: PipelineOptions) -> CorpusReport:
    """Runs the analysis and returns what was published.

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
    output = AnalysisDirectory(options.embed.output)
    try:
        return _analyze_into(output, options, beam_options)
    finally:
        output.release()


def _analyze_into(output: AnalysisDirectory, options: AnalyzeOptions, beam_options: PipelineOptions) -> CorpusReport:
    started = time.time()
    embed = options.embed
    model = open_model(embed.model)
    vocabulary, preprocessing = model.vocabulary, fit_preprocessing(embed, model)
    given = list_file_input(embed)
    options = dataclasses.replace(options, embed=dataclasses.replace(embed, format=given.format))
    embed = options.embed
    rates = read_plan_rates(options.rates) if options.plan else None
    output.prepare(overwrite=embed.overwrite)
    with contextlib.closing(open_cache(options, vocabulary, preprocessing)) as cache:
        transform_directory = FileSystems.join(output.staging, TRANSFORM)
        description = save_transform_graph(vocabulary, preprocessing, transform_directory)
        prepare_seconds = time.time() - started
        with _open_work_directory(output, beam_options) as work:
            analysis = TextAnalysis(vocabulary, preprocessing, temp_dir=FileSystems.join(work, "temp"))
            corpus, counters = _run_pass(analysis, cache, given, embed, beam_options, work)
            statistics = _read_statistics(FileSystems.join(work, _GRAPH), preprocessing)
        pipeline_seconds = time.time() - started - prepare_seconds
        plan = None
        if rates is not None:
            logger.info("timing a few batches of the model for the plan")
            plan = make_plan(
                embed,
                beam_options,
                model=model.directory,
                vocabulary=vocabulary,
                preprocessing=preprocessing,
                statistics=statistics,
                transform_directory=transform_directory,
                prepare_seconds=prepare_seconds,
                rates=rates,
            )
        failure_files = [cache.failures_file(dataset) for dataset in sorted(corpus.datasets)]
        report = CorpusReport(
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            corpus=_describe_corpus(corpus, embed),
            model=model.describe(),
            transform=TransformProvenance(
                fingerprint=transform_fingerprint(description), options=description["options"]
            ),
            statistics=statistics.to_dict(),
            batch_shapes=dataclasses.asdict(choose_batch_shapes(statistics.histogram, options.shapes)),
            failures=_count_failures(failure_files),
            plan=plan,
            options=options.to_dict(),
            measured={
                "start_seconds": round(prepare_seconds, 3),
                "pipeline_seconds": round(pipeline_seconds, 3),
                "documents_read": counters.get("documents", 0),
                "counters": counters,
            },
            versions=list_versions(),
        )
        return output.publish(report, failure_files)


def _run_pass(
    analysis: TextAnalysis,
    cache: AnalysisCache,
    given: FileInput,
    embed: EmbedOptions,
    beam_options: PipelineOptions,
    work: str,
) -> tuple[_Corpus, dict[str, int]]:
    """Runs the pass, keeps what it found in new files in the cache, and returns what was read and the counters.

    Raises:
      RuntimeError: if the pipeline failed.
    """
    cached, new = cache.arrange(given.files)
    for dataset in cached:
        cache.check_out(dataset, FileSystems.join(work, CACHE))
    pipeline = beam.Pipeline(runner=choose_runner(beam_options), options=beam_options)
    corpus = _build(pipeline, analysis, _Corpus(given=given, cached=cached, new=new), embed, work)
    logger.info(
        "analysing %d of %d files, read as %s, for %s; the others are known from the cache",
        sum(len(dataset.files) for dataset in corpus.new),
        len(given.files),
        embed.format,
        embed.model,
    )
    result = pipeline.run()
    state = result.wait_until_finish()
    if state not in (None, PipelineState.DONE):
        raise RuntimeError(f"the pipeline ended as {state}; nothing was published in {embed.output}")
    _divide_failures(corpus.new, work)
    for dataset in corpus.new:
        cache.check_in(dataset, FileSystems.join(work, CACHE))
    cache.commit(corpus.datasets)
    return corpus, read_counters(result)


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
        made_with={
            "analysis": ANALYSIS_VERSION,
            "transform": describe_transform(vocabulary, config),
            "libraries": list_versions(),
            "read_as": [embed.format, embed.text_field, embed.id_field, embed.pair_field],
        },
    )
    # --overwrite also replaces the output's own cache; a cache that is named may belong to others as well.
    cache.open(replace=options.cache is None and embed.overwrite)
    return cache


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


def _build(pipeline: beam.Pipeline, analysis: TextAnalysis, corpus: _Corpus, embed: EmbedOptions, work: str) -> _Corpus:
    """Wires the pass, and returns which data sets it reads."""
    found = analysis.read_cache(pipeline, FileSystems.join(work, CACHE), [dataset.key for dataset in corpus.cached])
    missing = analysis.find_missing([dataset.key for dataset in corpus.datasets], found)
    corpus = corpus.without_cached(missing)
    documents: dict[str, beam.PCollection | None] = {dataset.key: None for dataset in corpus.cached}
    failures = []
    fields = RecordFields.of(embed)
    for number, dataset in enumerate(corpus.new):
        part = dataclasses.replace(corpus.given, files=dataset.files)
        read = pipeline | f"ReadDocuments{number}" >> ReadDocuments(part.read(fields), fields)
        prepared = read["documents"] | f"PrepareDocuments{number}" >> make_prepare_documents()
        documents[dataset.key] = prepared.passed
        failures.append(
            (read["failures"], prepared.failures)
            | f"AllFailures{number}" >> beam.Flatten()
            | f"NameFailures{number}" >> beam.Map(name_failure, dataset.key)
        )
    if failures:
        _ = (
            failures
            | "AllFailures" >> beam.Flatten()
            | "WriteFailures" >> beam.io.WriteToText(FileSystems.join(work, _FAILURES))
        )
    analysis.analyze(
        pipeline,
        documents,
        found,
        cache_directory=FileSystems.join(work, CACHE),
        output=FileSystems.join(work, _GRAPH),
    )
    return corpus


def _read_statistics(graph: str, config: PreprocessingConfig) -> CorpusStatistics:
    """Calls `read_statistics` for a graph on any file system that Beam knows."""
    with tempfile.TemporaryDirectory() as local:
        copy_directory(graph, local)
        return read_statistics(local, config)


def name_failure(failure: Failure, key: str) -> str:
    """Formats a failure as a line: its data set, and the failure as JSON."""
    return f"{key} {failure.to_json()}"


def _divide_failures(new: Sequence[Dataset], work: str) -> None:
    """Writes the failures of each data set that was read beside what was found in it."""
    with contextlib.ExitStack() as open_files:
        files = {}
        for dataset in new:
            path = FileSystems.join(work, CACHE, dataset.key, FAILURES_FILE)
            files[dataset.key] = open_files.enter_context(FileSystems.create(path))
        for found in FileSystems.match([FileSystems.join(work, f"{_FAILURES}-*")])[0].metadata_list:
            with FileSystems.open(found.path) as lines:
                for line in lines:
                    key, failure = line.split(b" ", 1)
                    files[key.decode()].write(failure)


def _count_failures(files: Sequence[str]) -> dict[str, Any]:
    by_reason: Counter[str] = Counter()
    for path in files:
        with FileSystems.open(path) as content:
            for line in content:
                by_reason[Failure.from_json(line).category] += 1
    return {"count": sum(by_reason.values()), "by_reason": dict(sorted(by_reason.items()))}


def _describe_corpus(corpus: _Corpus, embed: EmbedOptions) -> dict[str, Any]:
    return {
        "patterns": list(embed.input),
        "format": embed.format,
        "files": len(corpus.given.files),
        "bytes": sum(file.bytes for file in corpus.given.files),
        "files_read": sum(len(dataset.files) for dataset in corpus.new),
        "files_from_cache": sum(len(dataset.files) for dataset in corpus.cached),
    }
