"""Plans what `embed` will take for a corpus, from its statistics, a short run of the model and the table of GPUs."""

from __future__ import annotations

import dataclasses
import time

from albert_embed.model.directory.locate import locate_model
from albert_embed.model.hosting.choose_engine import load_engine
from albert_embed.model.hosting.embeddings import name_outputs
from albert_embed.model.streams.batch_streams import BatchStreams
from albert_embed.pipeline.analysis.embed_plan import EmbedPlan, MachinePlan, PlannedEmbeddings
from albert_embed.pipeline.analysis.output_bytes import estimate_output_bytes
from albert_embed.pipeline.analysis.plan_accelerators import plan_accelerators
from albert_embed.pipeline.analysis.timing import ModelTimes, time_model, time_preprocessing
from albert_embed.pipeline.job.prepared_run import PreparedRun, choose_row_schema
from albert_embed.pipeline.launch.batch_tokens import GPU_BATCH_TOKENS
from albert_embed.pipeline.launch.gpu_table import GpuTable
from albert_embed.pipeline.settings.runner import share_cores
from albert_embed.transforms.corpus.corpus_statistics import CorpusStatistics
from albert_embed.transforms.rows.batch_forecast import BatchForecast, forecast_batches
from albert_embed.transforms.rows.token_batches import TokenBatchConfig
from albert_embed.transforms.steps.failure import TEXT_START_BYTES

# The time of Beam's in-process runner before the first document is read and after the last row is written. Measured
# with a tiny model on two cores: 2.4 to 3.7 s.
_RUNNER_SECONDS = 2.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run, and what is known of its corpus.

    Attributes:
      run: what is known before it reads anything.
      statistics: of the corpus.
      transform_directory: the saved graph.
      prepare_seconds: how long opening the model and building the graph took here.
    """

    run: PreparedRun
    statistics: CorpusStatistics
    transform_directory: str
    prepare_seconds: float

    def forecast(self, batching: TokenBatchConfig) -> BatchForecast:
        """Predicts the batches of the corpus, with rows as large in the buffer as in `embed`.

        Args:
          batching: how rows are cut into batches.
        """
        start_bytes = min(TEXT_START_BYTES, self.statistics.text_bytes / max(1, self.statistics.documents))
        # Of each token its ids; with --tokens also where it starts and ends, and its piece with an offset.
        token_bytes = 8 * (1 + self.run.preprocessing.pair) + (2 * 8 + 4 + 4 if self.run.options.tokens else 0)
        return forecast_batches(
            self.statistics.histogram,
            batching,
            # An id of 32 bytes, the hash of the content, four integers, and the offsets of four columns.
            row_bytes=32 + 16 + 4 * 8 + 4 * 8 + start_bytes,
            token_bytes=token_bytes,
        )


def plan_embedding(planned: PlannedRun, table: GpuTable, *, runs_here: bool = True) -> EmbedPlan:
    """Plans a run of `embed`.

    Args:
      planned: the run.
      table: the GPUs to plan for.
      runs_here: whether to time the model on this machine.

    Raises:
      RuntimeError: if the model fails on random tokens, or its engine can't run here.
      ImportError: if its engine is not installed.
    """
    run, statistics = planned.run, planned.statistics
    options, directory = run.options, run.model.directory
    forecast = planned.forecast(run.batching)
    return EmbedPlan(
        planned=PlannedEmbeddings(
            embeddings=options.embeddings,
            encoding=options.encoding,
            dimensions=options.dimensions,
            tokens=options.tokens,
            engine=run.engine,
            precision=directory.precision,
        ),
        rows=statistics.rows,
        batches=forecast.batch_count,
        batch_tokens=run.batching.batch_tokens,
        tokens=statistics.row_tokens,
        padded_tokens=forecast.padded_tokens,
        fill=round(statistics.row_tokens / forecast.padded_tokens, 4) if forecast.padded_tokens else None,
        output_bytes=estimate_output_bytes(options, directory, statistics),
        here=_plan_here(planned, forecast) if runs_here and statistics.rows else None,
        accelerators=plan_accelerators(
            directory.config,
            directory.precision,
            planned.forecast(_choose_gpu_batching(run)),
            table,
            embeddings=options.computed_embeddings,
        ),
        rates_file=table.file,
    )


def _choose_gpu_batching(run: PreparedRun) -> TokenBatchConfig:
    max_tokens = run.preprocessing.max_tokens
    return TokenBatchConfig(
        batch_tokens=run.options.batch_tokens or max(GPU_BATCH_TOKENS, max_tokens), max_tokens=max_tokens
    )


def _plan_here(planned: PlannedRun, forecast: BatchForecast) -> MachinePlan:
    """Estimates the time on this machine from a short run of the model; the corpus has rows."""
    load_seconds, times = _time_model(planned.run, forecast)
    preprocessing = time_preprocessing(planned.transform_directory, planned.run.model.vocabulary)
    seconds = {
        "prepare": planned.prepare_seconds,
        "load": load_seconds + times.warm_seconds + preprocessing.load_seconds + _RUNNER_SECONDS,
        "preprocess": planned.statistics.tokens / preprocessing.tokens_per_second,
        "embed": times.batch_seconds,
    }
    total = sum(seconds.values())
    return MachinePlan(
        seconds=round(total, 1),
        seconds_by_part={name: round(value, 2) for name, value in seconds.items()},
        tokens_per_second=round(planned.statistics.row_tokens / (total - planned.prepare_seconds), 1),
        timed_batches=times.timed_batches,
        timed_seconds=round(times.timed_seconds, 2),
    )


def _time_model(run: PreparedRun, forecast: BatchForecast) -> tuple[float, ModelTimes]:
    """Returns the seconds to load the model, and how long it takes for its batches."""
    options, directory = run.options, run.model.directory
    started = time.perf_counter()
    threads = share_cores(run.beam_options, options.worker_threads).limit()
    streams = max(1, run.streams)
    engine = load_engine(
        run.engine,
        locate_model(options.model),
        outputs=name_outputs(options.computed_embeddings),
        threads=threads,
        streams=streams,
    )
    load_seconds = time.perf_counter() - started
    computed = dataclasses.replace(
        options, embeddings=options.computed_embeddings, keep_fields=(), tokens=False, dimensions=None
    )
    times = time_model(
        BatchStreams(engine, streams),
        forecast,
        embeddings=options.computed_embeddings,
        schema=choose_row_schema(computed, directory),
        vocabulary_size=directory.config.vocab_size,
        pair=options.pair_field is not None,
    )
    return load_seconds, times
