"""Writes an `AlbertEncoder` as the SavedModel of the model contract (`model.model_directory`)."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from albert_embed.model.encoder import AlbertEncoder
from albert_embed.model.model_directory import (
    CONFIG_FILE,
    EXPORT_FILE,
    INPUT_NAMES,
    POOLED_SIGNATURE,
    POOLED_SIGNATURE_OUTPUT,
    TOKENIZATION_SIGNATURE,
    TOKENS_SIGNATURE,
)


class _ExportedAlbert(tf.Module):
    """The encoder with its vocabulary, its config and its signatures."""

    def __init__(self, encoder: AlbertEncoder, vocabulary_file: Path, config_file: Path, lower_case: bool) -> None:
        super().__init__(name="exported_albert")
        self.encoder = encoder
        self.vocabulary_asset = tf.saved_model.Asset(str(vocabulary_file))
        self.config_asset = tf.saved_model.Asset(str(config_file))
        self._lower_case = lower_case
        inputs = [tf.TensorSpec([None, None], tf.int32, name=name) for name in INPUT_NAMES]
        self.tokens = tf.function(self._tokens, input_signature=inputs)
        if "pooled_output" in encoder.output_names:
            self.pooled = tf.function(self._pooled, input_signature=inputs)
        self.tokenization_info = tf.function(self._tokenization_info, input_signature=[])

    def _tokens(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs: dict[str, tf.Tensor] = self.encoder.encode(input_ids, input_mask, segment_ids)
        return outputs

    def _pooled(self, input_ids: tf.Tensor, input_mask: tf.Tensor, segment_ids: tf.Tensor) -> dict[str, tf.Tensor]:
        return {POOLED_SIGNATURE_OUTPUT: self.encoder.pool(input_ids, input_mask, segment_ids)}

    def _tokenization_info(self) -> dict[str, tf.Tensor]:
        return {"vocab_file": self.vocabulary_asset.asset_path, "do_lower_case": tf.constant(self._lower_case)}


def write_saved_model(
    encoder: AlbertEncoder,
    output: Path,
    *,
    vocabulary_file: Path,
    lower_case: bool,
    description: Mapping[str, Any],
) -> None:
    """Writes the SavedModel and, beside it, `description` as `export.json`; completely or not at all.

    Everything is first written to a folder beside `output`, which is then renamed.

    Raises:
      FileExistsError: if `output` already exists and holds something.
    """
    refuse_existing_output(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        with tempfile.TemporaryDirectory() as assets:
            config_file = Path(assets) / CONFIG_FILE
            config_file.write_text(encoder.config.to_json(), encoding="utf-8")
            exported = _ExportedAlbert(encoder, vocabulary_file, config_file, lower_case)
            signatures = {
                TOKENS_SIGNATURE: exported.tokens,
                TOKENIZATION_SIGNATURE: exported.tokenization_info,
            }
            if "pooled_output" in encoder.output_names:
                signatures[POOLED_SIGNATURE] = exported.pooled
            tf.saved_model.save(exported, str(partial), signatures=signatures)
        (partial / EXPORT_FILE).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        partial.chmod(0o755)  # mkdtemp's 0700 would keep other users' workers from reading the model
        if output.exists():
            output.rmdir()
        partial.rename(output)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def refuse_existing_output(output: Path) -> None:
    """Raises FileExistsError where `output` is a file or a folder that holds something."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(f"{output} already exists and holds something; give a new directory, or remove it first")
