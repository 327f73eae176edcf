"""A short run of the real model, from which the plan estimates how long the whole corpus takes on this machine."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.model.streams.batch_streams import BatchStreams
from albert_embed.model.streams.started_batch import finish_batch, start_batch
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.tf_examples import encode_examples
from albert_embed.transforms.graph.saved_transform import SavedTransform
from albert_embed.transforms.rows.batch_forecast import BatchForecast
from albert_embed.transforms.rows.columns import (
    CONTENT_HASH,
    ID,
    INPUT_IDS,
    PAIR,
    SEGMENT_IDS,
    TEXT,
    TEXT_START,
    TOKEN_COUNT,
    TRUNCATED,
    TYPES,
    WINDOW,
    WINDOW_COUNT,
    WINDOW_START,
)
from albert_embed.transforms.steps.failure import Failure
from albert_embed.transforms.text.vocabulary import WORD_START, Vocabulary

# How many batches are timed, and for how long at most; batches that are left out are assumed to be like their
# neighbours.
_TIMED_BATCHES = 12
_MAX_SECONDS = 60.0
_MIN_BATCHES = 4
_SEED = 20190926
_PREPROCESSED_WORDS = 40_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelTimes:
    """How long the model takes.

    Attributes:
      warm_seconds: for its first batch, which traces and allocates.
      batch_seconds: for all batches of the corpus, embedded and encoded; estimated.
      timed_batches: how many batches that was estimated from.
      timed_seconds: how long those took.
    """

    warm_seconds: float
    batch_seconds: float
    timed_batches: int
    timed_seconds: float


def time_model(
    streams: BatchStreams,
    forecast: BatchForecast,
    *,
    embeddings: tuple[str, ...],
    schema: RowSchema,
    vocabulary_size: int,
    pair: bool,
) -> ModelTimes:
    """Embeds and encodes some of the expected batches, with random tokens, and estimates the time for all of them.

    The batches, sorted by length, are divided into parts with equal numbers of padded tokens. The middle batch of every
    part is timed and represents it; where several are computed at once, as many like it.

    Args:
      streams: runs the batches, several at once where it has several streams.
      forecast: the expected batches; at least one.
      embeddings: what the model computes.
      schema: of the rows that are encoded.
      vocabulary_size: of the model, for random tokens.
      pair: whether rows are pairs of texts.

    Raises:
      RuntimeError: if the model fails on random tokens.
    """
    generator = np.random.default_rng(_SEED)

    def embed(rows: int, length: int) -> float:
        batch = make_batch(generator.integers(5, vocabulary_size, (rows, length)), pair=pair)
        begun = time.perf_counter()
        for started in [start_batch(batch, streams, embeddings) for _ in range(streams.streams)]:
            for embedded in finish_batch(started):
                if isinstance(embedded, Failure):
                    raise RuntimeError(f"there is no plan, because the model fails on random tokens: {embedded.error}")
                encode_examples(embedded.drop_columns([TEXT_START]), schema)
        return (time.perf_counter() - begun) / streams.streams

    order = np.argsort(forecast.lengths, kind="stable")
    rows, lengths = forecast.rows[order], forecast.lengths[order]
    padded = rows * lengths
    warm_seconds = embed(1, int(lengths[0]))
    ends = np.cumsum(padded)
    parts = min(_TIMED_BATCHES, len(order))
    centres = (np.arange(parts) + 0.5) / parts * ends[-1]
    chosen = np.searchsorted(ends, centres)
    seconds: dict[int, float] = {}
    for part in _spread(parts):
        if sum(seconds.values()) > _MAX_SECONDS and len(seconds) >= _MIN_BATCHES:
            break
        seconds[part] = embed(int(rows[chosen[part]]), int(lengths[chosen[part]]))
    timed = sorted(seconds)
    rates = [seconds[part] / padded[chosen[part]] for part in timed]
    rate = float(np.interp(np.arange(parts), timed, rates).mean())
    return ModelTimes(
        warm_seconds=warm_seconds,
        batch_seconds=rate * forecast.padded_tokens,
        timed_batches=len(timed),
        timed_seconds=sum(seconds.values()),
    )


def _spread(parts: int) -> list[int]:
    """Returns 0 … parts - 1 in an order in which the first few are spread over all."""
    order = [0, parts - 1]
    step = parts
    while step > 1:
        step = (step + 1) // 2
        order += range(0, parts, step)
    return list(dict.fromkeys(order))


def make_batch(input_ids: npt.NDArray[np.int64], *, pair: bool) -> pa.RecordBatch:
    """Makes rows as the model gets them: `input_ids` `[rows, length]`, all real tokens, ids as long as hashes are."""
    rows, length = input_ids.shape
    offsets = pa.array(np.arange(rows + 1) * length)
    zeros = pa.array(np.zeros(rows, np.int64))
    columns = {
        ID: pa.array([b"0" * 32] * rows, TYPES[ID]),
        TEXT_START: pa.array([b""] * rows, TYPES[TEXT_START]),
        CONTENT_HASH: pa.array([b"0" * 16] * rows, TYPES[CONTENT_HASH]),
        WINDOW: zeros,
        WINDOW_START: zeros,
        WINDOW_COUNT: pa.array(np.ones(rows, np.int64)),
        TRUNCATED: zeros,
        INPUT_IDS: pa.LargeListArray.from_arrays(offsets, pa.array(input_ids.reshape(-1))),
    }
    if pair:
        columns[SEGMENT_IDS] = pa.LargeListArray.from_arrays(offsets, pa.array(np.zeros(rows * length, np.int64)))
    return pa.RecordBatch.from_pydict(columns)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreprocessingTimes:
    """How long preprocessing takes.

    Attributes:
      load_seconds: to load the graph.
      tokens_per_second: how fast it tokenises.
    """

    load_seconds: float
    tokens_per_second: float


def time_preprocessing(transform_directory: str, vocabulary: Vocabulary) -> PreprocessingTimes:
    """Applies a saved graph to texts of random words, whose frequencies follow Zipf's law.

    The frequencies matter, because preprocessing handles every word of a batch once. A vocabulary is in the order of
    frequency.
    """
    started = time.perf_counter()
    transform = SavedTransform(transform_directory)
    loaded = time.perf_counter()
    words = [piece[1:] for piece in vocabulary.pieces if piece.startswith(WORD_START) and piece[1:].isalpha()] or ["a"]
    weights = 1 / (np.arange(len(words)) + 2.7)
    chosen = np.random.default_rng(_SEED).choice(words, _PREPROCESSED_WORDS, p=weights / weights.sum())
    texts = pa.array([" ".join(chosen[start : start + 200]).encode() for start in range(0, len(chosen), 200)])
    names = [TEXT, PAIR] if transform.description["options"]["pair"] else [TEXT]
    documents = pa.RecordBatch.from_pydict({name: texts for name in names})
    transform.apply(documents.slice(0, 1))  # the first call takes longer, for once
    started_applying = time.perf_counter()
    transformed = transform.apply(documents)
    seconds = time.perf_counter() - started_applying
    tokens = transformed.column(TOKEN_COUNT).to_numpy().sum()
    return PreprocessingTimes(load_seconds=loaded - started, tokens_per_second=float(tokens) / seconds)
