"""The tf.Transform preprocessing function: text to model inputs."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tensorflow_text as tf_text
import tensorflow_transform as tft

from transforms import columns
from transforms.framing import frame_pair, frame_single
from transforms.preprocessing_config import LongDocuments, PreprocessingConfig
from transforms.tokenization import encode_text
from transforms.vocabulary import Vocabulary

__all__ = ["LongDocuments", "PreprocessingConfig", "PreprocessingFn", "make_feature_spec", "make_preprocessing_fn"]

PreprocessingFn = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor | tf.RaggedTensor]]


def make_feature_spec(config: PreprocessingConfig) -> dict[str, tf.io.FixedLenFeature]:
    """Tell what the preprocessing function takes: `text` and, with `config.pair`, `pair`, both string [n]."""
    names = [columns.TEXT, columns.PAIR] if config.pair else [columns.TEXT]
    return {name: tf.io.FixedLenFeature([], tf.string) for name in names}


def make_preprocessing_fn(vocabulary: Vocabulary, config: PreprocessingConfig) -> PreprocessingFn:
    """Make the function that tf.Transform traces.

    Source of the rules: google-research/albert tokenization.py and classifier_utils.py.

    Returns:
      A function of `text` string [n] (and `pair` string [n]) to
      `input_ids` int64 [n, (tokens)], the document's windows one after the other, each `[CLS] … [SEP]`
      or `[CLS] text [SEP] pair [SEP]`;
      `segment_ids` int64 [n, (tokens)], with `config.pair` only;
      `window_lengths` int64 [n, (windows)], tokens of each window, [CLS] and [SEP] included;
      `window_starts` int64 [n, (windows)], the first token of each in the document's own tokens, without [CLS], [SEP];
      `truncated` int64 [n], 1 where the document is longer than its model input (where long documents are rejected:
      to be rejected);
      `token_count` int64 [n], tokens of the whole document, without [CLS] and [SEP].
    """

    def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor | tf.RaggedTensor]:
        tokenizer = tft.make_and_track_object(
            lambda: tf_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32), name="sentencepiece"
        )

        def encode(text: tf.Tensor) -> tf.RaggedTensor:
            return encode_text(text, tokenizer=tokenizer, vocabulary=vocabulary, lower_case=config.lower_case)

        if config.pair:
            first, second = encode(inputs[columns.TEXT]), encode(inputs[columns.PAIR])
            return frame_pair(first, second, vocabulary=vocabulary, config=config)
        return frame_single(encode(inputs[columns.TEXT]), vocabulary=vocabulary, config=config)

    return preprocessing_fn
