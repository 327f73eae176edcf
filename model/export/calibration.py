"""Texts of the user's as batches: those that an int8 export is calibrated on, and others that it is measured on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_text as tf_text

from albert_embed.model.architecture.padded_batch import pad_batch
from albert_embed.transforms.graph.framing import frame_single
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.rows.columns import INPUT_IDS, INPUT_MASK
from albert_embed.transforms.rows.token_batches import TokenBatchConfig, TokenBuffer
from albert_embed.transforms.text.tokenization import encode_text
from albert_embed.transforms.text.vocabulary import Vocabulary

MIN_TEXTS = 24
# More texts move the ranges of numbers little, and each is computed with every number of the model collected.
MAX_TEXTS = 300
_HELD_OUT = 3  # every third text is kept for the measurement
_MAX_TOKENS = 512
_BATCH_TOKENS = 1024

Inputs = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CalibrationBatches:
    """Padded batches of texts; no text is in both parts, nor one that becomes the same tokens.

    Attributes:
      calibration: what the ranges of numbers are measured on, `input_ids`, `input_mask` and `segment_ids` each.
      held_out: what the result is measured on.
    """

    calibration: tuple[Inputs, ...]
    held_out: tuple[Inputs, ...]

    def describe(self) -> str:
        """Returns how much text either part has, for people."""
        parts = ((self.calibration, "calibrated"), (self.held_out, "measured"))
        return ", ".join(
            f"{name} on {_count_texts(part):,} texts, {_count_tokens(part):,} tokens" for part, name in parts
        )


def make_calibration_batches(
    texts: Sequence[bytes], vocabulary: Vocabulary, *, lower_case: bool, max_tokens: int
) -> CalibrationBatches:
    """Makes the batches; of more than `MAX_TEXTS` texts that many, evenly spread.

    Args:
      texts: UTF-8.
      vocabulary, lower_case: of the model.
      max_tokens: of one model input; longer texts are cut. More than 512 tokens are never used.

    Raises:
      ValueError: if there are fewer than `MIN_TEXTS` different ones.
    """
    longest = min(max_tokens, _MAX_TOKENS)
    config = PreprocessingConfig(lower_case=lower_case, max_tokens=longest)
    tokenizer = tf_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32)
    tokens = encode_text(
        tf.constant(texts, tf.string, [len(texts)]), tokenizer=tokenizer, vocabulary=vocabulary, lower_case=lower_case
    )
    framed = frame_single(tokens, vocabulary=vocabulary, config=config)[INPUT_IDS]
    distinct = list(dict.fromkeys(tuple(row.tolist()) for row in framed.numpy()))
    rows = [row for row in distinct if len(row) > config.special_tokens]
    if len(rows) < MIN_TEXTS:
        raise ValueError(
            f"--calibration-texts has {len(rows)} texts that differ and are not empty; int8 needs at least "
            f"{MIN_TEXTS} to be calibrated and measured on, better some hundred like those that will be embedded"
        )
    if len(rows) > MAX_TEXTS:
        rows = [rows[place] for place in np.linspace(0, len(rows) - 1, MAX_TEXTS).astype(int)]
    return CalibrationBatches(
        calibration=_batch([row for number, row in enumerate(rows) if number % _HELD_OUT != _HELD_OUT - 1], longest),
        held_out=_batch(rows[_HELD_OUT - 1 :: _HELD_OUT], longest),
    )


def _batch(rows: Sequence[Sequence[int]], longest: int) -> tuple[Inputs, ...]:
    buffer = TokenBuffer(TokenBatchConfig(batch_tokens=max(_BATCH_TOKENS, longest), max_tokens=longest))
    column = pa.array(rows, pa.large_list(pa.int64()))
    batch = pa.RecordBatch.from_arrays([column], names=[INPUT_IDS])
    return tuple(pad_batch(part) for part in [*buffer.add(batch), *buffer.flush()])


def _count_texts(batches: Sequence[Inputs]) -> int:
    return sum(len(batch[INPUT_MASK]) for batch in batches)


def _count_tokens(batches: Sequence[Inputs]) -> int:
    return sum(int(batch[INPUT_MASK].sum()) for batch in batches)
