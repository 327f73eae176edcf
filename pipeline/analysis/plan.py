"""The plan: what `embed` will take for an analysed corpus. All of it is estimated; the plan says from what."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.flops import count_batch_flops
from albert_embed.model.architecture.shape_vectors import shape_vectors
from albert_embed.model.directory.locate import locate_model
from albert_embed.model.directory.model_directory import ModelDirectory
from albert_embed.model.hosting.choose_engine import choose_engine, load_engine
from albert_embed.model.hosting.embed_batch import attach_embeddings
from albert_embed.model.hosting.embeddings import EMBEDDING_COLUMNS
from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.pipeline.analysis.calibration import make_batch, time_model, time_preprocessing
from albert_embed.pipeline.formats.tf_examples import encode_examples
from albert_embed.pipeline.job.prepared_run import choose_row_schema
from albert_embed.pipeline.launch.batch_tokens import GPU_BATCH_TOKENS, choose_batching, choose_streams
from albert_embed.pipeline.launch.gpu_table import GpuTable
from albert_embed.pipeline.settings.embed_choices import DOCUMENT
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import runs_on_this_machine, share_cores
from albert_embed.transforms.corpus.corpus_statistics import CorpusStatistics
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.rows.batch_forecast import BatchForecast, forecast_batches
from albert_embed.transforms.rows.columns import (
    INPUT_IDS,
    MEAN_OUTPUT,
    POOLED_OUTPUT,
    SENTENCE_EMBEDDING,
    SEQUENCE_OUTPUT,
    TEXT_START,
    TOKEN_ENDS,
    TOKEN_PIECES,
    TOKEN_STARTS,
)
from albert_embed.transforms.rows.token_batches import TokenBatchConfig
from albert_embed.transforms.steps.failure import TEXT_START_BYTES
from albert_embed.transforms.text.vocabulary import Vocabulary

# The time of Beam's in-process runner before the first document is read and after the last row is written. Measured
# with a tiny model on two cores: 2.4 to 3.7 s.
_RUNNER_SECONDS = 2.5
# Around every record of a TFRecord file.
_RECORD_FRAME_BYTES = 16


def make_plan(
    options: EmbedOptions,
    beam_options: PipelineOptions,
    *,
    model: ModelDirectory,
    vocabulary: Vocabulary,
    preprocessing: PreprocessingConfig,
    statistics: CorpusStatistics,
    transform_directory: str,
    prepare_seconds: float,
    table: GpuTable,
    runs_here: bool = True,
) -> dict[str, Any]:
    """Makes the plan for `embed` with these options, as plain values for JSON.

    Args:
      options: of the embedding.
      beam_options: say how many threads it will have.
      model, vocabulary, preprocessing: what it embeds with.
      statistics: of the corpus.
      transform_directory: the saved graph, which is timed.
      prepare_seconds: how long opening the model and building the graph took here.
      table: the GPUs to plan for.
      runs_here: whether to time the model on this machine.
    """
    task = EngineTask.of(model.path, options.computed_embeddings)
    engine = choose_engine(options.engine, task, here=runs_on_this_machine(beam_options))
    batching = choose_batching(
        options.batch_tokens,
        max_tokens=preprocessing.max_tokens,
        beam_options=beam_options,
        engine=engine,
        precision=model.precision,
        gpu=options.gpu,
        config=model.config,
    )
    forecast = forecast_for(statistics, preprocessing, batching, tokens_written=options.tokens)
    size = estimate_output_bytes(options, model.config, statistics, sentence_size=model.sentence_size)
    return {
        "for": {
            "embeddings": list(options.embeddings),
            "encoding": options.encoding,
            "dimensions": options.dimensions,
            "tokens": options.tokens,
            "engine": engine,
            "precision": model.precision,
        },
        "rows": statistics.rows,
        "batches": forecast.batch_count,
        "batch_tokens": batching.batch_tokens,
        "tokens": statistics.row_tokens,
        "padded_tokens": forecast.padded_tokens,
        "fill": round(statistics.row_tokens / forecast.padded_tokens, 4) if forecast.padded_tokens else None,
        "output_bytes": size,
        "here": _plan_here(
            options,
            beam_options,
            forecast,
            batching,
            engine_name=engine,
            model=model,
            vocabulary=vocabulary,
            statistics=statistics,
            transform_directory=transform_directory,
            prepare_seconds=prepare_seconds,
        )
        if runs_here
        else None,
        "accelerators": plan_accelerators(
            model.config,
            model.precision,
            forecast_for(
                statistics,
                preprocessing,
                TokenBatchConfig(
                    batch_tokens=options.batch_tokens or max(GPU_BATCH_TOKENS, preprocessing.max_tokens),
                    max_tokens=preprocessing.max_tokens,
                ),
                tokens_written=options.tokens,
            ),
            table,
            embeddings=options.computed_embeddings,
        ),
        "rates_file": table.file,
    }


def forecast_for(
    statistics: CorpusStatistics,
    config: PreprocessingConfig,
    batching: TokenBatchConfig,
    *,
    tokens_written: bool,
) -> BatchForecast:
    """Predicts the batches of a corpus, with rows as large in the buffer as in `embed`."""
    start_bytes = min(TEXT_START_BYTES, statistics.text_bytes / max(1, statistics.documents))
    # An id of 32 bytes, the hash of the content, four integers, and the offsets of four columns.
    row_bytes = 32 + 16 + 4 * 8 + 4 * 8 + start_bytes
    token_bytes = 8 * (1 + config.pair) + (2 * 8 + 4 + 4 if tokens_written else 0)
    return forecast_batches(
        statistics.histogram,
        batching,
        row_bytes=row_bytes,
        token_bytes=token_bytes,
    )


def estimate_output_bytes(
    options: EmbedOptions, config: AlbertConfig, statistics: CorpusStatistics, *, sentence_size: int = 0
) -> int:
    """Estimates the bytes of the TFRecord files from encoded rows of two lengths, and a line through both.

    Ids are assumed to be as long as content hashes, and kept fields to be empty.
    """
    if not statistics.rows:
        return 0
    short, long = 2, 130
    sizes = [_row_bytes(options, config, length, sentence_size) for length in (short, long)]
    per_token = (sizes[1] - sizes[0]) / (long - short)
    more_id_bytes = statistics.id_bytes / statistics.tokens - 1 if statistics.tokens else 0.0
    rows = statistics.rows * (sizes[0] - short * per_token) + statistics.row_tokens * (per_token + more_id_bytes)
    # A document's row has nearly the size of a window's with few tokens and one vector.
    one_vector = dataclasses.replace(options, embeddings=("mean",), tokens=False)
    documents = statistics.documents * _row_bytes(one_vector, config, 2, 0) if DOCUMENT in options.embeddings else 0
    return round(rows + documents)


def _row_bytes(options: EmbedOptions, config: AlbertConfig, length: int, sentence_size: int) -> int:
    """Returns the bytes of one row of `length` tokens in a TFRecord file, where each token's id has one byte."""
    ids = np.ones((1, length), np.int64)
    zeros = {
        POOLED_OUTPUT: np.zeros((1, config.hidden_size), np.float32),
        SEQUENCE_OUTPUT: np.zeros((1, length, config.hidden_size), np.float32),
        SENTENCE_EMBEDDING: np.zeros((1, sentence_size), np.float32),
        MEAN_OUTPUT: np.zeros((1, config.hidden_size), np.float32),
    }
    row = attach_embeddings(make_batch(ids, pair=False), np.ones_like(ids, bool), zeros, options.row_embeddings)
    columns = [EMBEDDING_COLUMNS[name] for name in options.row_embeddings]
    row = shape_vectors(row.drop_columns([TEXT_START]), columns=columns, shape=options.vector_shape)
    if options.tokens:
        offsets = row.column(INPUT_IDS).offsets
        row = row.append_column(
            TOKEN_PIECES, pa.LargeListArray.from_arrays(offsets, pa.array([b"\xe2\x96\x81a"] * length))
        )
        for name in (TOKEN_STARTS, TOKEN_ENDS):
            row = row.append_column(name, pa.LargeListArray.from_arrays(offsets, pa.array(np.full(length, 1000))))
    schema = choose_row_schema(
        dataclasses.replace(options, keep_fields=()), config.hidden_size, sentence_size=sentence_size
    )
    (example,) = encode_examples(row, schema)
    return len(example) + _RECORD_FRAME_BYTES


def _plan_here(
    options: EmbedOptions,
    beam_options: PipelineOptions,
    forecast: BatchForecast,
    batching: TokenBatchConfig,
    *,
    engine_name: str,
    model: ModelDirectory,
    vocabulary: Vocabulary,
    statistics: CorpusStatistics,
    transform_directory: str,
    prepare_seconds: float,
) -> dict[str, Any] | None:
    """Estimates the time on this machine from a short run of the model; None where there is nothing to embed."""
    if not statistics.rows:
        return None
    started = time.perf_counter()
    streams = choose_streams(options, beam_options, engine=engine_name, config=model.config, batching=batching)
    threads = share_cores(beam_options, options.worker_threads).limit()
    engine = load_engine(engine_name, locate_model(options.model), threads=threads, streams=streams)
    load_seconds = time.perf_counter() - started
    computed = dataclasses.replace(
        options, embeddings=options.computed_embeddings, keep_fields=(), tokens=False, dimensions=None
    )
    times = time_model(
        engine,
        forecast,
        streams=streams,
        embeddings=options.computed_embeddings,
        schema=choose_row_schema(computed, model.config.hidden_size, sentence_size=model.sentence_size),
        vocabulary_size=model.config.vocab_size,
        pair=options.pair_field is not None,
    )
    preprocessing = time_preprocessing(transform_directory, vocabulary)
    seconds = {
        "prepare": prepare_seconds,
        "load": load_seconds + times.warm_seconds + preprocessing.load_seconds + _RUNNER_SECONDS,
        "preprocess": statistics.tokens / preprocessing.tokens_per_second,
        "embed": times.batch_seconds,
    }
    return {
        "seconds": round(sum(seconds.values()), 1),
        "seconds_by_part": {name: round(value, 2) for name, value in seconds.items()},
        "tokens_per_second": round(statistics.row_tokens / (sum(seconds.values()) - prepare_seconds), 1),
        "timed_batches": times.timed_batches,
        "timed_seconds": round(times.timed_seconds, 2),
    }


def plan_accelerators(
    config: AlbertConfig, precision: str, forecast: BatchForecast, table: GpuTable, *, embeddings: Sequence[str]
) -> list[dict[str, Any]]:
    """Estimates hours and dollars of a Dataflow run for each GPU that has the precision, and each number of workers.

    A worker's threads prepare and write some batches while the GPU runs others, so the slower of the two counts.

    Args:
      config: of the model.
      precision: of its weights.
      forecast: of the batches.
      table: the GPUs.
      embeddings: what the model computes.
    """
    shapes = zip(forecast.rows.tolist(), forecast.lengths.tolist(), strict=True)
    flops = forecast.weight * sum(count_batch_flops(config, rows, length) for rows, length in shapes)
    host_seconds = forecast.real_tokens / table.host_speed(embeddings)
    planned = []
    for gpu in table.gpus:
        rate = gpu.flops_per_second(precision)
        if rate is None:
            continue
        gpu_seconds = flops / rate
        seconds = max(gpu_seconds, host_seconds)
        for workers in table.workers:
            hours = (table.start_seconds + seconds / workers) / 3600
            planned.append(
                {
                    "accelerator": gpu.label,
                    "gpu": gpu.name,
                    "workers": workers,
                    "tokens_per_second": round(workers * forecast.real_tokens / seconds) if seconds else None,
                    "limit": "gpu" if gpu_seconds >= host_seconds else "host",
                    "hours": round(hours, 3),
                    "dollars": round(hours * workers * gpu.dollars_per_hour, 2),
                    **{
                        name: getattr(gpu, name)
                        for name in ("peak_source", "utilisation", "utilisation_source", "price_source", "price_as_of")
                    },
                }
            )
    return planned
