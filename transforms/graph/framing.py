"""Tokens to model inputs as TensorFlow ops: truncation, windows, [CLS] and [SEP].

Source of the rules: google-research/albert classifier_utils.py, `convert_single_example` and `_truncate_seq_pair`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.rows import columns
from albert_embed.transforms.text.vocabulary import Vocabulary


class Windows(NamedTuple):
    """Where each document's windows start and how long they are, in its own tokens: int64 [n, (windows)] both."""

    starts: tf.RaggedTensor
    lengths: tf.RaggedTensor


def frame_single(
    tokens: tf.RaggedTensor, *, vocabulary: Vocabulary, config: PreprocessingConfig
) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    """Makes the model inputs of documents that are one text.

    Args:
      tokens: int64 [n, (tokens)].
      vocabulary: gives the ids of [CLS] and [SEP].
      config: how many tokens there may be, and what happens to long documents.

    Returns:
      `input_ids` int64 [n, (tokens of all windows)], each window `[CLS] … [SEP]`, one after the other;
      `window_lengths` and `window_starts` int64 [n, (windows)]; `truncated` and `token_count` int64 [n].
    """
    counts = tokens.row_lengths()
    windows = place_windows(counts, config)
    lengths = windows.lengths.flat_values + config.special_tokens
    window_of_token = tf.repeat(tf.range(tf.size(lengths, out_type=tf.int64)), lengths)
    ends = tf.concat([[0], tf.cumsum(lengths)], axis=0)
    position = tf.range(tf.size(window_of_token, out_type=tf.int64)) - tf.gather(ends, window_of_token)
    # Of the token that would stand at position 0, where [CLS] does: hence the -1.
    source = tf.gather(tokens.row_splits, windows.starts.value_rowids()) + windows.starts.flat_values - 1
    # One more token, never used, so that an empty text has something to point at.
    values = tf.concat([tokens.flat_values, [0]], axis=0)
    last = tf.size(values, out_type=tf.int64) - 1
    content = tf.gather(values, tf.clip_by_value(tf.gather(source, window_of_token) + position, 0, last))
    is_end = position == tf.gather(lengths, window_of_token) - 1
    ids = tf.where(position == 0, to_id(vocabulary.cls_id), tf.where(is_end, to_id(vocabulary.sep_id), content))
    too_long = tf.cast(counts > config.content_tokens, tf.int64)
    return {
        columns.INPUT_IDS: tf.RaggedTensor.from_row_splits(
            ids, tf.gather(ends, windows.starts.row_splits), validate=False
        ),
        columns.WINDOW_LENGTHS: windows.starts.with_flat_values(lengths),
        columns.WINDOW_STARTS: windows.starts,
        columns.TRUNCATED: tf.zeros_like(counts) if config.long_documents == "window" else too_long,
        columns.TOKEN_COUNT: counts,
    }


def place_windows(counts: tf.Tensor, config: PreprocessingConfig) -> Windows:
    """Places windows over documents of so many tokens: one over the start only, or enough to cover all.

    Every token is in a window, neighbours share `window_overlap` tokens, and no window has only tokens that the one
    before it has.

    Args:
      counts: int64 [n].
      config: its `long_documents`, `max_tokens` and `window_overlap`.
    """
    room = config.content_tokens
    if config.long_documents == "window":
        step = room - config.window_overlap
        window_counts = tf.maximum(-((config.window_overlap - counts) // step), 1)  # the ceiling, by a floor
    else:
        step = room
        window_counts = tf.ones_like(counts)
    starts = tf.RaggedTensor.from_row_lengths(tf.ragged.range(window_counts).flat_values * step, window_counts)
    remaining = tf.gather(counts, starts.value_rowids()) - starts.flat_values
    return Windows(starts=starts, lengths=starts.with_flat_values(tf.minimum(remaining, room)))


def frame_pair(
    first: tf.RaggedTensor, second: tf.RaggedTensor, *, vocabulary: Vocabulary, config: PreprocessingConfig
) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    """Makes the model inputs of documents that are two texts: `[CLS] first [SEP] second [SEP]`.

    Where the second text has no tokens, or none are left of it, the input is `[CLS] first [SEP]`.

    Args:
      first: int64 [n, (tokens)].
      second: int64 [n, (tokens)].
      vocabulary: gives the ids of [CLS] and [SEP].
      config: how many tokens there may be.

    Returns:
      What `frame_single` returns, with one window each, and `segment_ids` int64 [n, (tokens)]: 0 up to and with the
      first [SEP], 1 after it. `token_count` counts both texts.
    """
    first_counts, second_counts = first.row_lengths(), second.row_lengths()
    room = measure_room([first, second], config)
    first_kept, second_kept = share_room(first_counts, second_counts, room=room)
    second_separators = tf.cast(second_kept > 0, tf.int64)
    rows = first.nrows()
    separator = fill_column(rows, vocabulary.sep_id)
    input_ids = tf.concat(
        [
            fill_column(rows, vocabulary.cls_id),
            keep_start(first, first_kept),
            separator,
            keep_start(second, second_kept),
            keep_start(separator, second_separators),
        ],
        axis=1,
    )
    lengths = input_ids.row_lengths()
    segments = tf.reshape(tf.stack([tf.zeros_like(lengths), tf.ones_like(lengths)], axis=1), [-1])
    segment_lengths = tf.reshape(tf.stack([first_kept + 2, second_kept + second_separators], axis=1), [-1])
    one_each = tf.ones_like(lengths)
    counts = first_counts + second_counts
    return {
        columns.INPUT_IDS: input_ids,
        columns.SEGMENT_IDS: input_ids.with_flat_values(tf.repeat(segments, segment_lengths)),
        columns.WINDOW_LENGTHS: tf.RaggedTensor.from_row_lengths(lengths, one_each),
        columns.WINDOW_STARTS: tf.RaggedTensor.from_row_lengths(tf.zeros_like(lengths), one_each),
        columns.TRUNCATED: tf.cast(counts > room, tf.int64),
        columns.TOKEN_COUNT: counts,
    }


def measure_room(tokens: Sequence[tf.RaggedTensor], config: PreprocessingConfig) -> tf.Tensor:
    """Measures how many tokens of text one model input of each document may have.

    A second text without tokens takes no [SEP], so the first has room for one more.

    Args:
      tokens: int64 [n, (tokens)] of the text and, with `config.pair`, of the second text.
      config: the maximum tokens of a model input.

    Returns:
      int64 [n].
    """
    room = tf.fill([tokens[0].nrows()], to_id(config.content_tokens))
    return room + tf.cast(tokens[1].row_lengths() == 0, tf.int64) if config.pair else room


def share_room(first: tf.Tensor, second: tf.Tensor, *, room: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Shares the room between two texts, with the same result as taking tokens off the longer one until both fit.

    Of two equally long texts the second loses a token, so the first keeps the larger half.
    Source of the rule: google-research/albert classifier_utils.py, `_truncate_seq_pair`.

    Args:
      first: int64 [n], tokens of the first texts.
      second: int64 [n], tokens of the second texts.
      room: int64 [n], the maximum tokens of both together.

    Returns:
      int64 [n] twice: the tokens kept.
    """
    smaller_half = room // 2
    first_kept = tf.minimum(first, tf.maximum(room - second, room - smaller_half))
    second_kept = tf.minimum(second, tf.maximum(room - first, smaller_half))
    return first_kept, second_kept


def keep_start(tokens: tf.RaggedTensor, kept: tf.Tensor) -> tf.RaggedTensor:
    """Keeps the first `kept` (int64 [n]) tokens of each row of int64 [n, (tokens)]."""
    within = tf.ragged.range(tokens.row_lengths())
    return tf.ragged.boolean_mask(tokens, within < tf.expand_dims(kept, axis=1))


def fill_column(rows: tf.Tensor, value: int) -> tf.RaggedTensor:
    """Makes int64 [rows, 1] of one value."""
    return tf.RaggedTensor.from_uniform_row_length(tf.fill([rows], to_id(value)), 1)


def to_id(value: int) -> tf.Tensor:
    """Makes an int64 scalar."""
    return tf.constant(value, tf.int64)
