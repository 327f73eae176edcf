"""Reads the weights of a Hugging Face ALBERT checkpoint (`model.safetensors`, else `pytorch_model.bin`)."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from albert_embed.model.config import AlbertConfig
from albert_embed.model.foreign_model import name_foreign_weights
from albert_embed.model.weights import CheckpointError, Weights, check_weights, layer_prefix

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
# Heads of `AlbertForPreTraining` and its like, and the buffer of positions 0, 1, 2, …
_NOT_THE_ENCODER = re.compile(r"^(?:predictions|sop_classifier|classifier|qa_outputs)\.|^embeddings\.position_ids$")


def huggingface_weight_name(name: str) -> str:
    """The name that `weight_shapes` gives to the Hugging Face tensor `name`; an unknown name is returned as it is."""
    layer = _LAYER.match(name)
    if layer and layer[3] in _LAYER_PARTS:
        norm = "LayerNorm" in _LAYER_PARTS[layer[3]]
        kinds = {"weight": "gamma", "bias": "beta"} if norm else {"weight": "kernel", "bias": "bias"}
        return f"{layer_prefix(int(layer[1]), int(layer[2]))}{_LAYER_PARTS[layer[3]]}/{kinds[layer[4]]}"
    return _OTHER_NAMES.get(name, name)


def read_huggingface_checkpoint(directory: Path, config: AlbertConfig) -> Weights:
    """The encoder's weights in `directory`, float32; linear weights turned from `[output, input]` to kernels.

    Raises:
      CheckpointError: naming every missing, extra or mis-shaped tensor, where a file can't be read, or where only
        `pytorch_model.bin` is there and torch is not installed.
    """
    safetensors_file = directory / "model.safetensors"
    if safetensors_file.exists():
        tensors = _read_safetensors(safetensors_file)
        source = safetensors_file
    else:
        source = directory / "pytorch_model.bin"
        tensors = _read_torch(source)
    weights: dict[str, np.ndarray] = {}
    foreign = name_foreign_weights(tensors)
    if foreign is not None:
        raise CheckpointError(f"{source}: these weights are {foreign}")
    for name, tensor in tensors.items():
        bare = name.removeprefix("albert.")
        if _NOT_THE_ENCODER.search(bare):
            continue
        own = huggingface_weight_name(bare)
        weights[own] = np.ascontiguousarray(tensor.T if own.endswith("/kernel") else tensor)
    check_weights({name: value.shape for name, value in weights.items()}, config, source=str(source))
    return weights


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, safe_open

    try:
        # Through TensorFlow, because NumPy has no bfloat16 of its own and published files may hold it.
        with safe_open(path, framework="tf") as tensors:
            return {name: tensors.get_tensor(name).numpy().astype(np.float32) for name in tensors.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as e:
        raise CheckpointError(f"{path} can't be read as a safetensors file: {e}; was it downloaded whole?") from e


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError as e:
        raise CheckpointError(
            f"{path} needs PyTorch to be read, which is not installed; "
            "install torch, or get the model.safetensors of the same model"
        ) from e
    load: Callable[..., dict] = torch.load
    try:
        state = load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:
        # Not in PyTorch's own words: they advise to switch the safety off.
        raise CheckpointError(
            f"{path} holds more than tensors (Python objects, which could run any code while they are read), or is "
            "damaged, so it is not read; get the model.safetensors of the same model"
        ) from e
    except (RuntimeError, EOFError, OSError, ValueError) as e:
        raise CheckpointError(f"{path} can't be read as a PyTorch checkpoint; was it downloaded whole? {e}") from e
    return {name: tensor.float().numpy() for name, tensor in state.items()}
