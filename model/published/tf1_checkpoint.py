"""Reads the weights of a TF1 checkpoint as the ALBERT releases carry them (`model.ckpt-best.*`)."""

from __future__ import annotations

import glob
import re
from pathlib import Path

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.weights import (
    CheckpointError,
    EncoderWeights,
    check_weights,
    note_pooler,
)
from albert_embed.model.published.encoder_scope import TF1_NAMES, find_encoder


def find_checkpoint(directory: Path) -> str:
    """Returns the prefix of the one checkpoint in `directory` (`…/model.ckpt-best`).

    Raises:
      CheckpointError: if there is none, or where there are several and none is `model.ckpt-best`.
    """
    prefixes = [str(index)[: -len(".index")] for index in list_checkpoint_indices(directory)]
    best = [prefix for prefix in prefixes if Path(prefix).name == "model.ckpt-best"]
    if len(best or prefixes) != 1:
        raise CheckpointError(
            f"{directory} must hold one checkpoint (model.ckpt-best.index and its data), "
            f"found {[Path(prefix).name for prefix in prefixes] or 'none'}"
            + "".join(f"; name the one to export: --source {prefix}" for prefix in prefixes[:1])
        )
    return (best or prefixes)[0]


def find_prefix(path: str) -> str | None:
    """Returns the prefix of the checkpoint that `path` names, by itself or by one of its files; None if it is none."""
    prefix = re.sub(r"\.(index|data-\d+-of-\d+)$", "", path)
    return prefix if Path(f"{prefix}.index").is_file() else None


def list_checkpoint_indices(directory: Path) -> list[Path]:
    """Returns the `….index` files of the checkpoints in `directory`, in name order.

    Raises:
      CheckpointError: if there are data of a checkpoint and no index at all.
    """
    # Without names that begin with a dot: macOS leaves such files beside others when it copies or packs them.
    indices = sorted(directory.glob("[!.]*.ckpt*.index"))
    data = sorted(directory.glob("[!.]*.ckpt*.data-*-of-*"))
    if data and not indices:
        name = data[0].name[: data[0].name.rindex(".data-")]
        raise CheckpointError(
            f"{data[0]} is here without its index ({name}.index); was the checkpoint downloaded whole?"
        )
    return indices


def read_tf1_checkpoint(prefix: str, config: AlbertConfig) -> EncoderWeights:
    """Returns the encoder's weights in the TF1 checkpoint `prefix`, float32.

    Where `embedding_size` equals `hidden_size` the original implementation has no mapping between the two
    (google-research/albert, modeling.py, `transformer_model`), so its two weights may be absent.

    Raises:
      CheckpointError: naming every missing, extra or mis-shaped variable, or where a file is missing or can't be read.
    """
    import tensorflow as tf

    if not glob.glob(f"{glob.escape(prefix)}.data-*-of-*"):
        raise CheckpointError(
            f"{prefix}.index is here without its data ({Path(prefix).name}.data-00000-of-00001); "
            "was the checkpoint downloaded whole?"
        )
    try:
        reader = tf.train.load_checkpoint(prefix)
        shapes = reader.get_variable_to_shape_map()
        scope = find_encoder(shapes, TF1_NAMES, source=prefix)
        check_weights(
            {own: tuple(shapes[name]) for own, name in scope.names.items()},
            config,
            source=prefix,
            optional_mapping=config.embedding_size == config.hidden_size,
        )
        types = reader.get_variable_to_dtype_map()
        for name in scope.names.values():
            if not types[name].is_floating:
                raise CheckpointError(
                    f"{prefix}: {name} is stored as {types[name].name}, so these weights are quantised; get the same "
                    "model in float32, float16 or bfloat16"
                )
        weights = {own: reader.get_tensor(name).astype("float32") for own, name in scope.names.items()}
    except (tf.errors.OpError, RuntimeError, IndexError) as e:  # IndexError is what a file cut short gives
        raise CheckpointError(f"{prefix} can't be read as a TensorFlow checkpoint: {e}") from e
    return EncoderWeights(weights=weights, notes=(*scope.notes, *note_pooler(weights)))
