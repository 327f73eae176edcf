"""The tf.Transform preprocessing function: text to model inputs."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tensorflow_text as tf_text
import tensorflow_transform as tft

from albert_embed.transforms.graph.framing import frame_pair, frame_single
from albert_embed.transforms.graph.input_columns import list_input_columns
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.text.tokenization import Tokenizer, encode_text
from albert_embed.transforms.text.vocabulary import Vocabulary

ModelInputs = dict[str, tf.Tensor | tf.RaggedTensor]
PreprocessingFn = Callable[[dict[str, tf.Tensor]], ModelInputs]


def make_preprocessing_fn(vocabulary: Vocabulary, config: PreprocessingConfig) -> PreprocessingFn:
    """Makes the function that tf.Transform traces: from texts to what `make_model_inputs` returns."""

    def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> ModelInputs:
        # Tracked, or the saved graph would lack the tokenizer's resource, which holds the model's bytes.
        tokenizer = tft.make_and_track_object(lambda: make_tokenizer(vocabulary), name="sentencepiece")
        return make_model_inputs(inputs, tokenizer=tokenizer, vocabulary=vocabulary, config=config)

    return preprocessing_fn


def make_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """Makes the tokenizer of a vocabulary: TensorFlow ops that carry the SentencePiece model."""
    tokenizer: Tokenizer = tf_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32)
    return tokenizer


def make_model_inputs(
    inputs: dict[str, tf.Tensor], *, tokenizer: Tokenizer, vocabulary: Vocabulary, config: PreprocessingConfig
) -> ModelInputs:
    """Turns texts into model inputs: `frame_tokens` of `tokenize_inputs`.

    Args:
      inputs: `text` string [n] and, with `config.pair`, `pair` string [n].
      tokenizer: as `make_tokenizer` makes it.
      vocabulary: gives the special pieces, and what replaces a piece such as "5,".
      config: the options.
    """
    tokens = tokenize_inputs(inputs, tokenizer=tokenizer, vocabulary=vocabulary, config=config)
    return frame_tokens(tokens, vocabulary=vocabulary, config=config)


def tokenize_inputs(
    inputs: dict[str, tf.Tensor], *, tokenizer: Tokenizer, vocabulary: Vocabulary, config: PreprocessingConfig
) -> list[tf.RaggedTensor]:
    """Tokenises each text: int64 [n, (tokens)] without [CLS] and [SEP], one for `text` and one for `pair`.

    Source of the rules: google-research/albert tokenization.py.
    """
    return [
        encode_text(inputs[name], tokenizer=tokenizer, vocabulary=vocabulary, lower_case=config.lower_case)
        for name in list_input_columns(config)
    ]


def frame_tokens(tokens: list[tf.RaggedTensor], *, vocabulary: Vocabulary, config: PreprocessingConfig) -> ModelInputs:
    """Frames tokens as model inputs.

    Source of the rules: google-research/albert classifier_utils.py.

    Args:
      tokens: as `tokenize_inputs` gives them.
      vocabulary: gives the special pieces.
      config: the options.

    Returns:
      `input_ids` int64 [n, (tokens)], the document's windows one after the other, each `[CLS] … [SEP]`
      or `[CLS] text [SEP] pair [SEP]`, without what follows the first [SEP] where the second text has no tokens;
      `segment_ids` int64 [n, (tokens)], with `config.pair` only;
      `window_lengths` int64 [n, (windows)], tokens of each window, [CLS] and [SEP] included;
      `window_starts` int64 [n, (windows)], the first token of each in the document's own tokens, without [CLS], [SEP];
      `truncated` int64 [n], 1 where the document is longer than its model input (where long documents are rejected:
      to be rejected);
      `token_count` int64 [n], tokens of the whole document, without [CLS] and [SEP].
    """
    if config.pair:
        first, second = tokens
        return frame_pair(first, second, vocabulary=vocabulary, config=config)
    (single,) = tokens
    return frame_single(single, vocabulary=vocabulary, config=config)
