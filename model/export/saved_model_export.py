"""Writes an `AlbertEncoder` as the SavedModel of the model contract (`model.directory.model_directory`)."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from albert_embed.model.architecture.encoder import AlbertEncoder
from albert_embed.model.directory.model_directory import (
    CONFIG_FILE,
    DEFAULT_SIGNATURE,
    EXPORT_FILE,
    INPUT_NAMES,
    POOLED_SIGNATURE,
    POOLED_SIGNATURE_OUTPUT,
    SENTENCE_FILE,
    TOKENIZATION_SIGNATURE,
    TOKENS_SIGNATURE,
)
from albert_embed.model.directory.staged_output import stage_output
from albert_embed.transforms.text.vocabulary import CommaRule


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tokenization:
    """How text is cut for a model; the export says it in its signature `tokenization_info`.

    Attributes:
      vocabulary_file: the SentencePiece model.
      lower_case: whether text is lower-cased.
      comma_rule: what becomes of a piece such as "1945,".
      max_tokens: of one model input, as the model was trained; 0 where it has no other limit than its positions.
    """

    vocabulary_file: Path
    lower_case: bool
    comma_rule: CommaRule = "albert"
    max_tokens: int = 0


class _ExportedAlbert(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """The encoder with its vocabulary, what describes it, and its signatures; it writes its assets to a folder."""

    def __init__(self, encoder: AlbertEncoder, tokenization: Tokenization, assets: Path) -> None:
        super().__init__(name="exported_albert")
        self.encoder = encoder
        self.vocabulary_asset = tf.saved_model.Asset(str(tokenization.vocabulary_file))
        self.config_asset = _write_asset(assets / CONFIG_FILE, encoder.config.to_json())
        if encoder.sentence_head is not None:
            self.sentence_asset = _write_asset(assets / SENTENCE_FILE, encoder.sentence_head.outline.to_json())
        self._tokenization = tokenization
        inputs = [tf.TensorSpec([None, None], tf.int32, name=name) for name in INPUT_NAMES]
        self.tokens = tf.function(self._tokens, input_signature=inputs)
        if "pooled_output" in encoder.output_names:
            self.pooled = tf.function(self._pooled, input_signature=inputs)
        # For programs that call a model with one dict: `hub.KerasLayer` calls the object, Keras' `TFSMLayer` an
        # endpoint, by default `serve`. It looks for an attribute of that name before it looks for a signature.
        self.__call__ = tf.function(self._call, input_signature=[{spec.name: spec for spec in inputs}])
        self.serve = self.__call__
        self.serving_default = self.__call__
        self.tokenization_info = tf.function(self._tokenization_info, input_signature=[])

    def _tokens(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = self.encoder.encode(input_ids, input_mask, segment_ids)
        return outputs

    def _call(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Does the same as `tokens`, with the inputs as one dict."""
        return self._tokens(**inputs)

    def _pooled(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {POOLED_SIGNATURE_OUTPUT: self.encoder.pool(input_ids, input_mask, segment_ids)}

    def _tokenization_info(self) -> dict[str, tf.Tensor]:
        return {
            "vocab_file": self.vocabulary_asset.asset_path,
            "do_lower_case": tf.constant(self._tokenization.lower_case),
            "comma_rule": tf.constant(self._tokenization.comma_rule),
            "max_tokens": tf.constant(self._tokenization.max_tokens),
        }


def _write_asset(path: Path, text: str) -> tf.saved_model.Asset:
    path.write_text(text, encoding="utf-8")
    return tf.saved_model.Asset(str(path))


def save_encoder(encoder: AlbertEncoder, directory: Path, *, tokenization: Tokenization) -> None:
    """Writes the SavedModel to `directory`; its vocabulary, its config and its sentence modules are assets."""
    with tempfile.TemporaryDirectory() as assets:
        exported = _ExportedAlbert(encoder, tokenization, Path(assets))
        signatures = {
            TOKENS_SIGNATURE: exported.tokens,
            DEFAULT_SIGNATURE: exported.tokens,
            TOKENIZATION_SIGNATURE: exported.tokenization_info,
        }
        if "pooled_output" in encoder.output_names:
            signatures[POOLED_SIGNATURE] = exported.pooled
        tf.saved_model.save(exported, str(directory), signatures=signatures)


def write_description(directory: Path, description: Mapping[str, Any]) -> None:
    """Writes `description` as `export.json`.

    Raises:
      ValueError: if it holds NaN or infinity, which JSON does not have.
    """
    text = json.dumps(description, indent=2, allow_nan=False)
    (directory / EXPORT_FILE).write_text(text + "\n", encoding="utf-8")


def write_saved_model(
    encoder: AlbertEncoder,
    output: Path,
    *,
    tokenization: Tokenization,
    description: Mapping[str, Any],
) -> None:
    """Writes the SavedModel and, beside it, `description` as `export.json`; completely or not at all.

    Args:
      encoder: the model.
      output: the folder; it must not hold anything.
      tokenization: how text is cut for it.
      description: what was exported.

    Raises:
      FileExistsError: if `output` already exists and holds something.
    """
    with stage_output(output) as staged:
        save_encoder(encoder, staged, tokenization=tokenization)
        write_description(staged, description)
