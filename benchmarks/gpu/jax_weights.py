"""The benchmark's weights under the names of an export, without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_LAYER = "encoder.albert_layer_groups.0.albert_layers.0."
_FLOAT32 = ("position_embeddings", "token_type_embeddings")


def export_weights(tensors: Mapping[str, np.ndarray], heads: int, dtype: Any) -> dict[str, Any]:
    """Returns nested weights as an export in the precision `dtype` holds them, from the names of Hugging Face."""
    hidden = tensors["pooler.weight"].shape[0]
    scale = {"query": np.float32(1 / math.sqrt(hidden // heads)), "key": np.float32(1), "value": np.float32(1)}

    def dense(name: str) -> dict[str, Any]:
        return {"kernel": tensors[f"{name}.weight"].T.astype(dtype), "bias": tensors[f"{name}.bias"].astype(dtype)}

    def norm(name: str) -> dict[str, Any]:
        return {"gamma": tensors[f"{name}.weight"], "beta": tensors[f"{name}.bias"]}

    def joined(kind: str) -> np.ndarray:
        parts = [tensors[f"{_LAYER}attention.{part}.{kind}"].T * scale[part] for part in scale]
        return np.concatenate(parts, axis=-1).astype(dtype)

    layer = {
        "query_key_value": {"kernel": joined("weight"), "bias": joined("bias")},
        "attention_output": dense(f"{_LAYER}attention.dense"),
        "attention_norm": norm(f"{_LAYER}attention.LayerNorm"),
        "intermediate": dense(f"{_LAYER}ffn"),
        "intermediate_output": dense(f"{_LAYER}ffn_output"),
        "output_norm": norm(f"{_LAYER}full_layer_layer_norm"),
    }
    embeddings = {
        name: tensors[f"embeddings.{name}.weight"].astype(np.float32 if name in _FLOAT32 else dtype)
        for name in ("word_embeddings", *_FLOAT32)
    }
    return {
        **embeddings,
        "embeddings_norm": norm("embeddings.LayerNorm"),
        "mapping": dense("encoder.embedding_hidden_mapping_in"),
        "groups": {"0": {"0": layer}},
        "pooler": dense("pooler"),
    }


def by_variable(weights: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the same by the names of the export's variables, as the exported program takes them."""
    layer = weights["groups"]["0"]["0"]
    parts = {
        "embeddings_norm": weights["embeddings_norm"],
        "embedding_hidden_mapping_in": weights["mapping"],
        "pooler": weights["pooler"],
        **layer,
    }
    named = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
    return {**named, **{name: weights[name] for name in ("word_embeddings", *_FLOAT32)}}
