"""A short run of the real model, from which the plan reckons how long the whole corpus takes on this machine."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from albert_embed.model.engine import Engine
from albert_embed.model.handler import embed_batch
from albert_embed.pipeline.formats.row_schema import RowSchema
from albert_embed.pipeline.formats.tf_examples import encode_examples
from albert_embed.transforms.batch_forecast import BatchForecast
from albert_embed.transforms.columns import (
    CONTENT_HASH,
    ID,
    INPUT_IDS,
    SEGMENT_IDS,
    TEXT,
    TEXT_START,
    TRUNCATED,
    TYPES,
    WINDOW,
    WINDOW_COUNT,
    WINDOW_START,
)
from albert_embed.transforms.failure import Failure
from albert_embed.transforms.saved_transform import SavedTransform
from albert_embed.transforms.vocabulary import WORD_START, Vocabulary

# Batches that are timed, and how long at most; those that no time is left for are taken to be like their neighbours.
_TIMED_BATCHES = 12
_MOST_SECONDS = 60.0
_FEWEST_BATCHES = 4
_SEED = 20190926
_PREPROCESSED_WORDS = 40_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelTimes:
    """What the model was found to take.

    Attributes:
      warm_seconds: for its first batch, which traces and allocates.
      batch_seconds: for all batches of the corpus, embedded and encoded: reckoned.
      timed_batches: from how many that was reckoned.
      timed_seconds: what they took.
    """

    warm_seconds: float
    batch_seconds: float
    timed_batches: int
    timed_seconds: float


def time_model(
    engine: Engine,
    forecast: BatchForecast,
    *,
    embeddings: Sequence[str],
    schema: RowSchema,
    vocabulary_size: int,
    pair: bool,
) -> ModelTimes:
    """Embeds and encodes some of the batches that are expected, with random tokens, and reckons what all take.

    The batches, sorted by length, are divided into parts of as many padded tokens each; of every part the one in the
    middle is timed and stands for it.
    """
    generator = np.random.default_rng(_SEED)

    def embed(rows: int, length: int) -> float:
        batch = make_batch(generator.integers(5, vocabulary_size, (rows, length)), pair=pair)
        started = time.perf_counter()
        for embedded in embed_batch(batch, engine, embeddings):
            if isinstance(embedded, Failure):
                raise RuntimeError(f"the plan can't be made, the model fails on random tokens: {embedded.error}")
            encode_examples(embedded.drop_columns([TEXT_START]), schema)
        return time.perf_counter() - started

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
        if sum(seconds.values()) > _MOST_SECONDS and len(seconds) >= _FEWEST_BATCHES:
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
    """0 … parts - 1, such that the first few are spread over all."""
    order = [0, parts - 1]
    step = parts
    while step > 1:
        step = (step + 1) // 2
        order += range(0, parts, step)
    return list(dict.fromkeys(order))


def make_batch(input_ids: npt.NDArray[np.int64], *, pair: bool) -> pa.RecordBatch:
    """Rows as they come to the model: `input_ids` `[rows, length]`, all real tokens, ids as long as hashes are."""
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
    """What preprocessing was found to take.

    Attributes:
      load_seconds: to load the graph.
      tokens_per_second: how fast it tokenises.
    """

    load_seconds: float
    tokens_per_second: float


def time_preprocessing(transform_directory: str, vocabulary: Vocabulary) -> PreprocessingTimes:
    """Applies a saved graph to texts of random words, each as often as Zipf's law has it.

    How often matters: preprocessing looks at every word of a batch once. A vocabulary stands in the order of frequency.
    """
    started = time.perf_counter()
    transform = SavedTransform(transform_directory)
    loaded = time.perf_counter()
    words = [piece[1:] for piece in vocabulary.pieces if piece.startswith(WORD_START) and piece[1:].isalpha()] or ["a"]
    weights = 1 / (np.arange(len(words)) + 2.7)
    chosen = np.random.default_rng(_SEED).choice(words, _PREPROCESSED_WORDS, p=weights / weights.sum())
    texts = pa.array([" ".join(chosen[start : start + 200]).encode() for start in range(0, len(chosen), 200)])
    names = [TEXT, "pair"] if transform.description["options"]["pair"] else [TEXT]
    documents = pa.RecordBatch.from_pydict({name: texts for name in names})
    transform.apply(documents.slice(0, 1))  # the first call takes longer, for once
    started_applying = time.perf_counter()
    transformed = transform.apply(documents)
    seconds = time.perf_counter() - started_applying
    tokens = transformed.column("token_count").to_numpy().sum()
    return PreprocessingTimes(load_seconds=loaded - started, tokens_per_second=float(tokens) / seconds)
