"""The whole job again in plain Python: what each document's rows must be, without Beam and tf.Transform."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import tensorflow as tf

from albert_embed.model.directory.model_directory import load_saved_model, open_model_directory

TOLERANCE = 1e-5


class Reference:
    """Tokenises with the sentencepiece package and runs the SavedModel's signature row by row."""

    def __init__(self, model: Path) -> None:
        directory = open_model_directory(model)
        self._lower_case = directory.lower_case
        self._processor = sentencepiece.SentencePieceProcessor(model_file=str(directory.vocabulary_file))
        self._loaded = load_saved_model(model)

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of a text, without [CLS] and [SEP] (google-research/albert, tokenization.py)."""
        text = unicodedata.normalize("NFKD", " ".join(text.strip().split()))
        text = "".join(character for character in text if not unicodedata.combining(character))
        pieces: list[str] = []
        for piece in self._processor.encode_as_pieces(text.lower() if self._lower_case else text):
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                parts = self._processor.encode_as_pieces(piece[:-1].replace("▁", ""))
                if piece[0] != "▁" and parts[0][0] == "▁":
                    parts = parts[1:] if len(parts[0]) == 1 else [parts[0][1:], *parts[1:]]
                pieces += [*parts, ","]
            else:
                pieces.append(piece)
        return [self._processor.piece_to_id(piece) for piece in pieces]

    def frame(self, text: str, max_tokens: int) -> list[int]:
        """Returns [CLS] … [SEP], truncated to `max_tokens`."""
        return [2, *self.tokenize(text)[: max_tokens - 2], 3]

    def embed(self, ids: list[int], segments: list[int] | None = None) -> dict[str, np.ndarray]:
        """Returns the three embeddings of one row, alone in its batch."""
        outputs = self._loaded.signatures["tokens"](
            input_ids=tf.constant([ids], tf.int32),
            input_mask=tf.ones([1, len(ids)], tf.int32),
            segment_ids=tf.constant([segments or [0] * len(ids)], tf.int32),
        )
        sequence = outputs["sequence_output"].numpy()[0]
        return {
            "pooled_output": outputs["pooled_output"].numpy()[0],
            "sequence_output": sequence.ravel(),
            "mean_output": sequence.mean(axis=0),
        }

    def assert_row(self, row: dict[str, Any], ids: list[int], segments: list[int] | None = None) -> None:
        """Asserts that a row holds these ids, and their values for every embedding that it has."""
        assert row["input_ids"] == ids
        for name, expected in self.embed(ids, segments).items():
            if name in row:
                np.testing.assert_allclose(np.float32(row[name]), expected, atol=TOLERANCE, rtol=0, err_msg=name)
