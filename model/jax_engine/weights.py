"""Reads what the JAX engine needs of an export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from albert_embed.model.architecture.sentence_modules import SentenceOutline, read_sentence_outline
from albert_embed.model.directory.model_directory import SENTENCE_FILE, ModelDirectoryError, read_model_config
from albert_embed.model.jax_engine.engine import JaxEngine

# What encloses the names of `AlbertEncoder`'s variables in the checkpoint of an export.
_PREFIX, _SUFFIX = "encoder/", "/.ATTRIBUTES/VARIABLE_VALUE"


def load_jax_engine(directory: Path) -> JaxEngine:
    """Loads the export in `directory`.

    Raises:
      ValueError: if it is none of this version.
    """
    config = read_model_config(directory)
    weights = read_export_weights(directory)
    return JaxEngine(config, weights, sentence=_read_sentence(directory / "assets" / SENTENCE_FILE, weights))


def read_export_weights(directory: Path) -> dict[str, Any]:
    """Returns the weights of an export, nested by their names, in the precision in which it holds them.

    Raises:
      ModelDirectoryError: if they are not where this version's exports have them.
    """
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(directory / "variables" / "variables"))
    weights: dict[str, Any] = {}
    for key in reader.get_variable_to_shape_map():
        if not (key.startswith(_PREFIX) and key.endswith(_SUFFIX)):
            continue
        *path, name = key.removeprefix(_PREFIX).removesuffix(_SUFFIX).split("/")
        parent = weights
        for part in path:
            parent = parent.setdefault(part, {})
        parent[name] = reader.get_tensor(key)
    if "word_embeddings" not in weights or "groups" not in weights:
        raise ModelDirectoryError(f"{directory} holds no encoder as this version exports it; export the model again")
    return weights


def _read_sentence(file: Path, weights: Mapping[str, Any]) -> SentenceOutline | None:
    """Returns what an export's sentence head does; None where it has none, or does not say, as earlier versions'.

    Raises:
      ModelDirectoryError: if the weights are of another head.
    """
    if not file.exists():
        return None
    outline = read_sentence_outline(file)
    found = {int(number) for number in weights.get("sentence_head", {}).get("steps", {})}
    if found != outline.dense_steps:
        raise ModelDirectoryError(
            f"{file} has dense layers at the steps {sorted(outline.dense_steps)}, and the weights beside it have them "
            f"at {sorted(found)}; export the model again"
        )
    return outline
