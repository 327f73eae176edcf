"""Text to SentencePiece ids as TensorFlow ops, as the ALBERT repository does it.

Source of the rules: google-research/albert tokenization.py, `preprocess_text` and `encode_ids`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from albert_embed.transforms.text.normalization import collapse_whitespace, normalize_collapsed
from albert_embed.transforms.text.vocabulary import WORD_START, Vocabulary


class Tokenizer(Protocol):
    """The part of `tensorflow_text.SentencepieceTokenizer` that is needed here."""

    def tokenize(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Turns string [n] into int32 [n, (tokens)]."""


def encode_text(text: tf.Tensor, *, tokenizer: Tokenizer, vocabulary: Vocabulary, lower_case: bool) -> tf.RaggedTensor:
    """Normalises and tokenises each text, without [CLS] and [SEP].

    Args:
      text: string [n], UTF-8. What looks like a special piece, such as "[MASK]", is ordinary text.
      tokenizer: of the vocabulary's model.
      vocabulary: says what replaces a piece such as "5,".
      lower_case: whether the model is uncased.

    Returns:
      int64 [n, (tokens)], row splits int64.
    """
    collapsed = collapse_whitespace(text)
    if vocabulary.words_are_independent:
        words = split_words(collapsed)
    else:
        words = tf.RaggedTensor.from_uniform_row_length(collapsed, 1)
    # Each distinct word of the batch is normalised and tokenised once: looking it up costs far less. Memory also stays
    # in proportion to the text, while SentencePiece's own grows to many times the size of a document.
    distinct, positions = tf.unique(words.flat_values, out_idx=tf.int64)
    normalized = normalize_collapsed(distinct, lower_case=lower_case)
    tokens = tf.gather(replace_tokens(tokenizer.tokenize(normalized), vocabulary), positions)
    row_splits = tf.gather(tokens.row_splits, words.row_splits)
    return tf.RaggedTensor.from_row_splits(tokens.flat_values, row_splits, validate=False)


def split_words(text: tf.Tensor) -> tf.RaggedTensor:
    """Splits text, its whitespace collapsed, into independent words: string [n] to string [n, (words)].

    SentencePiece reads its own sign for a word's start as a space, and drops it from the end of its input. So words
    with that sign in them are not independent of each other: such a text stays one "word".
    """
    plain = tf.strings.regex_full_match(text, f"[^{WORD_START}]*")
    words = tf.strings.split(tf.where(plain, text, ""), sep=" ")  # of an empty text: one empty word
    rows = tf.where(tf.logical_not(plain))
    values = tf.tensor_scatter_nd_update(words.flat_values, tf.gather(words.row_splits, rows), tf.gather_nd(text, rows))
    return words.with_flat_values(values)


def replace_tokens(tokens: tf.RaggedTensor, vocabulary: Vocabulary) -> tf.RaggedTensor:
    """Replaces pieces such as "5," by "5" and ",": int32 [n, (tokens)] to int64 [n, (tokens)]."""
    splits, values = make_replacement_table(vocabulary)
    replaced = tf.gather(tf.RaggedTensor.from_row_splits(values, splits, validate=False), tokens.flat_values)
    row_splits = tf.gather(replaced.row_splits, tokens.row_splits)
    return tf.RaggedTensor.from_row_splits(replaced.flat_values, row_splits, validate=False)


def make_replacement_table(vocabulary: Vocabulary) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Makes the table of what every id becomes: most stay themselves, a piece such as "5," becomes "5" and ",".

    Returns:
      row splits int64 [size + 1] and values int64.
    """
    rows = [vocabulary.digit_comma_ids.get(piece_id, (piece_id,)) for piece_id in range(vocabulary.size)]
    splits = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return splits, np.array([piece_id for row in rows for piece_id in row], np.int64)
