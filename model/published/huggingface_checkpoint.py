"""Reads the weights of a Hugging Face ALBERT checkpoint, under the names that transformers gives them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.weights import (
    CheckpointError,
    EncoderWeights,
    check_weights,
    layer_prefix,
    note_pooler,
)
from albert_embed.model.published.encoder_scope import HUGGING_FACE_NAMES, find_encoder
from albert_embed.model.published.tensor_files import TENSOR_FILES, find_tensor_file, open_tensor_files

_LAYER = re.compile(r"^encoder\.albert_layer_groups\.(\d+)\.albert_layers\.(\d+)\.(.+)\.(weight|bias)$")
# transformers' `AlbertLayer` → the ALBERT repository's scopes.
_LAYER_PARTS = {
    "attention.query": "attention_1/self/query",
    "attention.key": "attention_1/self/key",
    "attention.value": "attention_1/self/value",
    "attention.dense": "attention_1/output/dense",
    "attention.LayerNorm": "LayerNorm",
    "ffn": "ffn_1/intermediate/dense",
    "ffn_output": "ffn_1/intermediate/output/dense",
    "full_layer_layer_norm": "LayerNorm_1",
}
_OTHER_NAMES = {
    "embeddings.word_embeddings.weight": "embeddings/word_embeddings",
    "embeddings.token_type_embeddings.weight": "embeddings/token_type_embeddings",
    "embeddings.position_embeddings.weight": "embeddings/position_embeddings",
    "embeddings.LayerNorm.weight": "embeddings/LayerNorm/gamma",
    "embeddings.LayerNorm.bias": "embeddings/LayerNorm/beta",
    "encoder.embedding_hidden_mapping_in.weight": "encoder/embedding_hidden_mapping_in/kernel",
    "encoder.embedding_hidden_mapping_in.bias": "encoder/embedding_hidden_mapping_in/bias",
    "pooler.weight": "pooler/dense/kernel",
    "pooler.bias": "pooler/dense/bias",
}
# The names of a layer norm's weight and bias in old checkpoints that were converted from TensorFlow.
_OLD_KINDS = {"gamma": "weight", "beta": "bias"}
_OLD_LAYER_NORM = re.compile(r"(layer_?norm)\.(gamma|beta)$", re.IGNORECASE)


def huggingface_weight_name(name: str) -> str:
    """Returns the name in `weight_shapes` of the Hugging Face tensor `name`; an unknown name is returned as it is."""
    name = _OLD_LAYER_NORM.sub(lambda match: f"{match[1]}.{_OLD_KINDS[match[2]]}", name)
    layer = _LAYER.match(name)
    if layer and layer[3] in _LAYER_PARTS:
        norm = "LayerNorm" in _LAYER_PARTS[layer[3]]
        kinds = {"weight": "gamma", "bias": "beta"} if norm else {"weight": "kernel", "bias": "bias"}
        return f"{layer_prefix(int(layer[1]), int(layer[2]))}{_LAYER_PARTS[layer[3]]}/{kinds[layer[4]]}"
    return _OTHER_NAMES.get(name, name)


def read_huggingface_checkpoint(directory: Path, config: AlbertConfig) -> EncoderWeights:
    """Reads the encoder's weights in `directory`, float32; linear weights become kernels, `[input, output]`.

    Raises:
      CheckpointError: if tensors are missing, extra or of the wrong shape (all are named), if a file is missing or
        can't be read, or if there are only PyTorch files and torch is not installed.
    """
    path = find_tensor_file(directory)
    if path is None:
        raise CheckpointError(f"{directory} holds none of {', '.join(TENSOR_FILES)}")
    with open_tensor_files(path) as tensors:
        scope = find_encoder(tensors.files, HUGGING_FACE_NAMES, source=str(path))
        weights: dict[str, np.ndarray] = {}
        for bare, name in scope.names.items():
            own = huggingface_weight_name(bare)
            tensor = tensors.read(name)
            weights[own] = np.ascontiguousarray(tensor.T if own.endswith("/kernel") else tensor)
    check_weights({name: value.shape for name, value in weights.items()}, config, source=str(path))
    return EncoderWeights(weights=weights, notes=(*scope.notes, *note_pooler(weights)))
