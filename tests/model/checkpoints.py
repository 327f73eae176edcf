"""Writes checkpoints in the published formats from given weights, for tests that need them wrong in some way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.published.huggingface_checkpoint import _LAYER_PARTS, _OTHER_NAMES

TF1_ACTIVATIONS = {"gelu_tanh": "gelu", "relu": "relu"}


def write_tf1_checkpoint(
    directory: Path, config: AlbertConfig, variables: Mapping[str, np.ndarray], *, name: str = "model.ckpt-best"
) -> None:
    """Writes `variables` under just the names given, as TF1's Saver does, with the config beside them."""
    directory.mkdir(parents=True, exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=str(directory / name),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=[tf.constant(value) for value in variables.values()],
    )
    # SaveV2 writes the whole checkpoint where it is not one of several shards.
    fields = json.loads(config.to_json())
    del fields["format"], fields["layer_norm_eps"]
    fields["hidden_act"] = TF1_ACTIVATIONS[config.hidden_act]
    (directory / "albert_config.json").write_text(json.dumps(fields))


def tf1_variables(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the weights under the names that the releases have."""
    return {f"bert/{name}": value for name, value in weights.items()}


def write_huggingface_checkpoint(directory: Path, config: AlbertConfig, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes `tensors` under just the names given as `model.safetensors`, with `config.json` beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, directory / "model.safetensors")
    write_huggingface_config(directory, config)


def write_huggingface_config(directory: Path, config: AlbertConfig) -> None:
    """Writes `config.json`."""
    fields: dict[str, Any] = json.loads(config.to_json())
    del fields["format"]
    fields.update(model_type="albert", hidden_act={"gelu_tanh": "gelu_new", "gelu_erf": "gelu"}[config.hidden_act])
    (directory / "config.json").write_text(json.dumps(fields))


def huggingface_tensors(weights: Mapping[str, np.ndarray], *, prefix: str = "") -> dict[str, np.ndarray]:
    """Returns the weights under the names that transformers gives them, linear ones `[output, input]`."""
    others = {own: name for name, own in _OTHER_NAMES.items()}
    parts = {own: name for name, own in _LAYER_PARTS.items()}
    kinds = {"kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}
    tensors = {}
    for own, value in weights.items():
        if own in others:
            name = others[own]
        else:
            _, _, group, inner, *scope, kind = own.split("/")
            place = f"{group.removeprefix('group_')}.albert_layers.{inner.removeprefix('inner_group_')}"
            name = f"encoder.albert_layer_groups.{place}.{parts['/'.join(scope)]}.{kinds[kind]}"
        tensors[prefix + name] = value.T if own.endswith("/kernel") else value
    return tensors
