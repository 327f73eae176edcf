"""The analysis of a corpus as a tf.Transform preprocessing function: analysers over the tokens of the model's own
preprocessing, each mergeable, so that tf.Transform can cache them by file.

tf.Transform keeps what its analysers found as constants of the graph that it writes; `read_statistics` reads them.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from albert_embed.transforms.corpus.corpus_statistics import LENGTH_BOUNDS, LONGER_IDS, QUANTILES, CorpusStatistics
from albert_embed.transforms.corpus.distinct_texts import count_distinct, fingerprint_texts
from albert_embed.transforms.corpus.letter_scripts import OTHER, SCRIPTS, count_letters
from albert_embed.transforms.graph.framing import measure_room
from albert_embed.transforms.graph.input_columns import list_input_columns
from albert_embed.transforms.graph.preprocessing import PreprocessingFn, frame_tokens, make_tokenizer, tokenize_inputs
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.rows import columns
from albert_embed.transforms.text.vocabulary import Vocabulary

# Of what is analysed, and how; caches of another version are not used.
ANALYSIS_VERSION = 1

_COUNTS = ("documents", "text_bytes", "tokens", "empty", "over_length", "unknown_tokens", "id_bytes")
_QUANTILE_ERROR = 0.001
# The outputs of the analysis graph: the same in every row.
_SUMS, _LONGEST, _QUANTILES, _DISTINCT = "sums", "longest", "quantiles", "distinct"


def make_analysis_fn(vocabulary: Vocabulary, config: PreprocessingConfig) -> PreprocessingFn:
    """Makes the function that tf.Transform traces for the analysis: from texts to statistics of the whole corpus."""

    def analysis_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        tokenizer = tft.make_and_track_object(lambda: make_tokenizer(vocabulary), name="sentencepiece")
        tokens = tokenize_inputs(inputs, tokenizer=tokenizer, vocabulary=vocabulary, config=config)
        framed = frame_tokens(tokens, vocabulary=vocabulary, config=config)
        texts = [inputs[name] for name in list_input_columns(config)]
        token_counts = framed[columns.TOKEN_COUNT]
        # One sum for everything that is added up: an analyser costs a stage and a cache entry for every file.
        parts = tf.concat(
            [
                _count(texts, tokens, token_counts, vocabulary=vocabulary, config=config),
                _count_documents_by_length(token_counts),
                _count_rows_by_length(framed, config),
                tf.add_n([count_letters(text) for text in texts]),
            ],
            axis=0,
        )
        sums = tft.sum(tf.reshape(parts, [1, _sums_size(config)]), reduce_instance_dims=False)
        constants = {
            _SUMS: sums,
            _LONGEST: tf.reshape(tft.max(token_counts), [1]),
            _QUANTILES: tf.reshape(tft.quantiles(token_counts, num_buckets=100, epsilon=_QUANTILE_ERROR), [99]),
            _DISTINCT: tf.reshape(count_distinct(fingerprint_texts(texts)), [1]),
        }
        rows = tf.shape(token_counts)[0]
        return {name: tf.tile(tf.expand_dims(value, 0), [rows, 1]) for name, value in constants.items()}

    return analysis_fn


def _count(
    texts: list[tf.Tensor],
    tokens: list[tf.RaggedTensor],
    token_counts: tf.Tensor,
    *,
    vocabulary: Vocabulary,
    config: PreprocessingConfig,
) -> tf.Tensor:
    """Counts what `_COUNTS` names in a batch: int64 [len(_COUNTS)]."""

    def count(flags: tf.Tensor) -> tf.Tensor:
        return tf.math.count_nonzero(flags, dtype=tf.int64)

    sizes = [tf.reduce_sum(tf.cast(tf.strings.length(text), tf.int64)) for text in texts]
    return tf.stack(
        [
            tf.size(token_counts, out_type=tf.int64),
            tf.add_n(sizes),
            tf.reduce_sum(token_counts),
            count(tf.equal(token_counts, 0)),
            count(token_counts > measure_room(tokens, config)),
            tf.add_n([count(tf.equal(part.flat_values, vocabulary.unk_id)) for part in tokens]),
            tf.reduce_sum(token_counts)
            + tf.add_n([count(part.flat_values >= longer) for part in tokens for longer in LONGER_IDS]),
        ]
    )


def _count_documents_by_length(token_counts: tf.Tensor) -> tf.Tensor:
    """Counts the documents by the smallest of `LENGTH_BOUNDS` that holds them: int64 [len(LENGTH_BOUNDS)]."""
    bounds = tf.constant(LENGTH_BOUNDS, tf.int64)
    place = tf.searchsorted(bounds, tf.minimum(token_counts, bounds[-1]), side="left", out_type=tf.int64)
    return tf.math.unsorted_segment_sum(tf.ones_like(place), place, len(LENGTH_BOUNDS))


def _count_rows_by_length(framed: dict[str, tf.Tensor | tf.RaggedTensor], config: PreprocessingConfig) -> tf.Tensor:
    """Counts the rows that documents become by their length: int64 [max_tokens + 1]."""
    lengths = framed[columns.WINDOW_LENGTHS]
    if config.long_documents == "reject":
        lengths = tf.ragged.boolean_mask(lengths, tf.equal(framed[columns.TRUNCATED], 0))
    flat = lengths.flat_values
    return tf.math.unsorted_segment_sum(tf.ones_like(flat), flat, config.max_tokens + 1)


def _sums_size(config: PreprocessingConfig) -> int:
    return len(_COUNTS) + len(LENGTH_BOUNDS) + config.max_tokens + 1 + len(SCRIPTS) + 1


def read_statistics(directory: str, config: PreprocessingConfig) -> CorpusStatistics:
    """Reads what the analysers found from the graph that tf.Transform wrote for `make_analysis_fn`.

    Args:
      directory: of that graph, local.
      config: the options that it was made with.
    """
    layer = tft.TFTransformOutput(directory).transform_features_layer()
    found = layer({name: tf.constant([""]) for name in list_input_columns(config)})
    sums = found[_SUMS].numpy()[0]
    ends = np.cumsum([len(_COUNTS), len(LENGTH_BOUNDS), config.max_tokens + 1])
    counts, document_lengths, row_lengths, letters = (part.tolist() for part in np.split(sums, ends))
    named = dict(zip(_COUNTS, counts, strict=True))
    quantiles = found[_QUANTILES].numpy()[0]
    return CorpusStatistics(
        **named,
        distinct=int(found[_DISTINCT].numpy()[0, 0]),
        # Without documents, tf.Transform's maximum is the smallest number that there is.
        longest=max(0, int(found[_LONGEST].numpy()[0, 0])),
        token_quantiles={percent: int(quantiles[percent - 1]) for percent in QUANTILES},
        document_lengths=dict(zip(LENGTH_BOUNDS, document_lengths, strict=True)),
        row_lengths=tuple(row_lengths),
        letters=dict(zip((*SCRIPTS, OTHER), letters, strict=True)),
    )
