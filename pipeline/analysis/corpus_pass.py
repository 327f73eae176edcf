"""`run_pass`: the one full pass over a corpus; what is known of its files from the cache is not read again."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.runners.runner import PipelineState

from albert_embed.pipeline.analysis.analysis_cache import FAILURES_FILE, AnalysisCache, Dataset
from albert_embed.pipeline.analysis.analysis_directory import CACHE
from albert_embed.pipeline.documents.document_reader import DocumentReader
from albert_embed.pipeline.inputs.file_input import FileInput
from albert_embed.pipeline.job.prepared_run import PreparedRun
from albert_embed.pipeline.progress.display import Display
from albert_embed.pipeline.progress.run_counts import read_counters
from albert_embed.pipeline.progress.run_status import RunWork
from albert_embed.pipeline.progress.watch_run import watch_run
from albert_embed.pipeline.reading.read_input import ReadInput
from albert_embed.pipeline.records.record_fields import RecordFields
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import choose_runner
from albert_embed.transforms.corpus.analyze_texts import TextAnalysis
from albert_embed.transforms.corpus.corpus_analysis import read_statistics
from albert_embed.transforms.corpus.corpus_statistics import CorpusStatistics
from albert_embed.transforms.files.literal_files import copy_directory, list_directory
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.steps.outputs import DOCUMENTS, FAILURES

logger = logging.getLogger(__name__)

_GRAPH = "analysis_graph"
_FAILURES_PREFIX = "failures"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corpus:
    """The input, and the data sets that its files form.

    Attributes:
      given: the input.
      cached: the data sets that are known from the cache.
      new: those that are read.
    """

    given: FileInput
    cached: list[Dataset]
    new: list[Dataset]

    @property
    def datasets(self) -> list[Dataset]:
        return [*self.cached, *self.new]

    def without_cached(self, missing: set[str]) -> Corpus:
        """Returns the same with the data sets that are `missing` from the cache among the new ones."""
        lost = [dataset for dataset in self.cached if dataset.key in missing]
        kept = [dataset for dataset in self.cached if dataset.key not in missing]
        return dataclasses.replace(self, cached=kept, new=[*self.new, *lost])


@dataclasses.dataclass(frozen=True, kw_only=True)
class PassResult:
    """What a pass gave.

    Attributes:
      corpus: what was read, and what was known from the cache.
      counters: name → value, of what was read.
      statistics: of all of it.
    """

    corpus: Corpus
    counters: dict[str, int]
    statistics: CorpusStatistics


def run_pass(run: PreparedRun, cache: AnalysisCache, given: FileInput, work: str, display: Display) -> PassResult:
    """Runs the pass, and keeps what it found in new files in the cache.

    Args:
      run: says how texts become rows.
      cache: what is known of the files.
      given: the input.
      work: a folder that workers and TensorFlow can write to.
      display: shows how far the pass is.

    Raises:
      RuntimeError: if the pipeline failed.
    """
    options, beam_options = run.options, run.beam_options
    analysis = TextAnalysis(run.model.vocabulary, run.preprocessing, temp_dir=FileSystems.join(work, "temp"))
    cached, new = cache.arrange(given.files)
    for dataset in cached:
        cache.check_out(dataset, FileSystems.join(work, CACHE))
    pipeline = beam.Pipeline(runner=choose_runner(beam_options), options=beam_options)
    corpus = _build(pipeline, analysis, Corpus(given=given, cached=cached, new=new), options, work)
    logger.info(
        "analysing %d of %d files, read as %s, for %s; the others are known from the cache",
        sum(len(dataset.files) for dataset in corpus.new),
        len(given.files),
        options.format,
        options.model,
    )
    size = sum(file.bytes for dataset in corpus.new for file in dataset.files)
    with watch_run(display, RunWork(title="analysing", bytes=size, embeds=False)) as counts:
        result = pipeline.run()
        counts.note_result(result)
        state = result.wait_until_finish()
    if state not in (None, PipelineState.DONE):
        raise RuntimeError(f"the pipeline ended as {state}; nothing was published in {options.output}")
    _divide_failures(corpus.new, work)
    for dataset in corpus.new:
        cache.check_in(dataset, FileSystems.join(work, CACHE))
    cache.commit(corpus.datasets)
    return PassResult(
        corpus=corpus, counters=read_counters(result), statistics=_read_statistics(work, run.preprocessing)
    )


def _build(pipeline: beam.Pipeline, analysis: TextAnalysis, corpus: Corpus, embed: EmbedOptions, work: str) -> Corpus:
    """Wires the pass, and returns which data sets it reads."""
    found = analysis.read_cache(pipeline, FileSystems.join(work, CACHE), [dataset.key for dataset in corpus.cached])
    missing = analysis.find_missing([dataset.key for dataset in corpus.datasets], found)
    corpus = corpus.without_cached(missing)
    documents: dict[str, beam.PCollection[Any] | None] = {dataset.key: None for dataset in corpus.cached}
    failures = []
    fields = RecordFields.of(embed)
    for number, dataset in enumerate(corpus.new):
        opened = dataclasses.replace(corpus.given, files=dataset.files).open_parts(fields)
        reader = DocumentReader(records=opened.reader, fields=fields)
        read = pipeline | f"ReadInput{number}" >> ReadInput(opened.parts, reader)
        documents[dataset.key] = read[DOCUMENTS]
        name = beam.Map(name_failure, dataset.key, embed.failure_text)
        failures.append(read[FAILURES] | f"NameFailures{number}" >> name)
    if failures:
        _ = (
            failures
            | "AllFailures" >> beam.Flatten()
            | "WriteFailures" >> beam.io.WriteToText(FileSystems.join(work, _FAILURES_PREFIX))
        )
    analysis.analyze(
        pipeline,
        documents,
        found,
        cache_directory=FileSystems.join(work, CACHE),
        output=FileSystems.join(work, _GRAPH),
    )
    return corpus


def _read_statistics(work: str, config: PreprocessingConfig) -> CorpusStatistics:
    """Reads what the pass found from its folder, which may be on any file system that Beam knows."""
    with tempfile.TemporaryDirectory() as local:
        copy_directory(FileSystems.join(work, _GRAPH), local)
        return read_statistics(local, config)


def name_failure(failure: Failure, key: str, text_bytes: int) -> str:
    """Formats a failure as a line: its data set, and the failure as JSON, with at most so many bytes of its text."""
    return f"{key} {failure.without_text(text_bytes).to_json()}"


def _divide_failures(new: Sequence[Dataset], work: str) -> None:
    """Writes the failures of each data set that was read beside what was found in it."""
    with contextlib.ExitStack() as open_files:
        files = {}
        for dataset in new:
            path = FileSystems.join(work, CACHE, dataset.key, FAILURES_FILE)
            files[dataset.key] = open_files.enter_context(FileSystems.create(path))
        for name in list_directory(work):
            if not name.startswith(f"{_FAILURES_PREFIX}-"):
                continue
            with FileSystems.open(FileSystems.join(work, name)) as lines:
                for line in lines:
                    key, failure = line.split(b" ", 1)
                    files[key.decode()].write(failure)
