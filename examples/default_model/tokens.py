"""Makes the default model's vocabulary, and tokens of texts by the product's own preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from albert_embed.model.export.untrained import train_vocabulary
from albert_embed.transforms.graph.framing import frame_single
from albert_embed.transforms.graph.preprocessing_config import PreprocessingConfig
from albert_embed.transforms.rows.columns import INPUT_IDS
from albert_embed.transforms.text.normalization import normalize_text
from albert_embed.transforms.text.tokenization import encode_text
from albert_embed.transforms.text.vocabulary import Vocabulary, load_vocabulary

VOCABULARY_SIZE = 12_000
MAX_TOKENS = 128  # of a text in training; the teacher's own limit
_BATCH = 10_000


def make_vocabulary(texts: Sequence[str], path: Path) -> Vocabulary:
    """Trains the vocabulary on `texts` with ALBERT's options, lower-cased, unless it is at `path` already."""
    if not path.exists():
        normalized: list[str] = []
        for start in range(0, len(texts), _BATCH):
            batch = normalize_text(tf.constant(texts[start : start + _BATCH]), lower_case=True)
            normalized += [text.decode() for text in batch.numpy()]
        path.write_bytes(train_vocabulary(normalized, size=VOCABULARY_SIZE))
    return load_vocabulary(str(path), comma_rule="albert")


def tokenize(texts: Sequence[str], vocabulary: Vocabulary) -> list[np.ndarray]:
    """Returns the ids of each text, int32 `[tokens]`, `[CLS]` and `[SEP]` included."""
    options = PreprocessingConfig(lower_case=True, max_tokens=MAX_TOKENS, pair=False)
    tokenizer = tf_text.SentencepieceTokenizer(vocabulary.model, out_type=tf.int32)
    rows: list[np.ndarray] = []
    for start in range(0, len(texts), _BATCH):
        batch = tf.constant(texts[start : start + _BATCH])
        encoded = encode_text(batch, tokenizer=tokenizer, vocabulary=vocabulary, lower_case=True)
        framed = frame_single(encoded, vocabulary=vocabulary, config=options)[INPUT_IDS]
        rows += np.split(framed.values.numpy().astype(np.int32), framed.row_splits.numpy()[1:-1])
    return rows
