"""Writes a TF1 Hub module the way google/albert_*/* were published, from given weights.

Two meta graphs over the same variables, tags `{}` and `{"train"}`; signatures `tokens` and `tokenization_info`;
vocabulary and config as assets; `tfhub_module.pb` that says format 3. The graph is the computation of
google-research/albert, modeling.py, written out op by op: separate query, key and value, layer norm as
`tf.nn.batch_normalization` over `tf.nn.moments`. It shares no code with `model.architecture.encoder`, so the tests
compare two independent computations, and the benchmark hosts what users of the published modules host.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from albert_embed.model.architecture.config import AlbertConfig

v1 = tf.compat.v1

# A serialised ModuleDef {format: FORMAT_V3}: field 1, varint, 3.
_MODULE_DEF = b"\x08\x03"
_ACTIVATION_NAMES = {"gelu_tanh": "gelu", "relu": "relu"}


def write_hub_module(
    directory: Path,
    config: AlbertConfig,
    weights: Mapping[str, np.ndarray],
    *,
    vocabulary_file: Path,
    lower_case: bool = True,
) -> None:
    """Writes the module to `directory`, which must not exist.

    Args:
      directory: where.
      config: what the weights are; hidden_act must be one that the ALBERT repository knows.
      weights: names as `model.architecture.weights.weight_shapes`; written below `bert/`, with the head of the masked
        language model beside them, as pre-training leaves it.
      vocabulary_file: the SentencePiece model, an asset under its own name.
      lower_case: what `tokenization_info` says.
    """
    assets = directory.parent / f".{directory.name}.assets"
    assets.mkdir(parents=True)
    vocabulary_asset = shutil.copy(vocabulary_file, assets / "30k-clean.model")
    config_asset = assets / "albert_config.json"
    config_asset.write_text(_original_config(config))
    builder = v1.saved_model.Builder(str(directory))
    for tags, is_training in (([], False), (["train"], True)):
        with v1.Graph().as_default(), v1.Session() as session:
            variables = _Variables(weights)
            signatures = _build_signatures(
                config, variables, str(vocabulary_asset), str(config_asset), lower_case, is_training
            )
            head = v1.get_variable(
                "cls/predictions/output_bias", [config.vocab_size], initializer=v1.zeros_initializer()
            )
            asset_tensors = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
            if not tags:
                session.run(head.initializer)
                for placeholder, assign, value in variables.assignments.values():
                    session.run(assign, {placeholder: value})
                builder.add_meta_graph_and_variables(
                    session, tags, signature_def_map=signatures, assets_collection=asset_tensors
                )
            else:
                builder.add_meta_graph(tags, signature_def_map=signatures, assets_collection=asset_tensors)
    builder.save()
    (directory / "tfhub_module.pb").write_bytes(_MODULE_DEF)
    shutil.rmtree(assets)
    _hide_asset_paths(directory / "saved_model.pb")


def _hide_asset_paths(path: Path) -> None:
    """Puts "SAVEDMODEL-ASSET" in place of the assets' paths, as tensorflow_hub's exporter does."""
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString(path.read_bytes())
    for meta_graph in saved_model.meta_graphs:
        for node in meta_graph.graph_def.node:
            if node.name in ("vocab_model", "config_file"):
                node.attr["value"].tensor.string_val[0] = b"SAVEDMODEL-ASSET"
    path.write_bytes(saved_model.SerializeToString())


class _Variables:
    """Makes the graph's variables, each with an assignment through a placeholder, so that no weight is in the graph."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._weights = weights
        self.assignments: dict[str, tuple[Any, Any, np.ndarray]] = {}
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            value = self._weights[name]
            variable = v1.get_variable(f"bert/{name}", value.shape, tf.float32, use_resource=False)
            placeholder = v1.placeholder(tf.float32, value.shape)
            self.assignments[name] = (placeholder, v1.assign(variable, placeholder), value)
            self._made[name] = variable
        return self._made[name]

    def __contains__(self, name: str) -> bool:
        return name in self._weights


def _original_config(config: AlbertConfig) -> str:
    import json

    return json.dumps(
        {
            "attention_probs_dropout_prob": 0,
            "hidden_act": _ACTIVATION_NAMES[config.hidden_act],
            "hidden_dropout_prob": 0,
            "embedding_size": config.embedding_size,
            "hidden_size": config.hidden_size,
            "initializer_range": 0.02,
            "intermediate_size": config.intermediate_size,
            "max_position_embeddings": config.max_position_embeddings,
            "num_attention_heads": config.num_attention_heads,
            "num_hidden_layers": config.num_hidden_layers,
            "num_hidden_groups": config.num_hidden_groups,
            "net_structure_type": 0,
            "gap_size": 0,
            "num_memory_blocks": 0,
            "inner_group_num": config.inner_group_num,
            "down_scale_factor": 1,
            "type_vocab_size": config.type_vocab_size,
            "vocab_size": config.vocab_size,
        }
    )


def _build_signatures(
    config: AlbertConfig,
    variables: _Variables,
    vocabulary_asset: str,
    config_asset: str,
    lower_case: bool,
    is_training: bool,
) -> dict[str, Any]:
    inputs = {
        name: v1.placeholder(tf.int32, [None, None], name=name) for name in ("input_ids", "input_mask", "segment_ids")
    }
    pooled, sequence = _albert(config, variables, **inputs, dropout=0.1 if is_training else 0.0)
    vocabulary_tensor = tf.constant(vocabulary_asset, name="vocab_model")
    config_tensor = tf.constant(config_asset, name="config_file")
    v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, config_tensor)
    v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, vocabulary_tensor)
    build, info = v1.saved_model.build_signature_def, v1.saved_model.build_tensor_info
    return {
        "tokens": build(
            {name: info(tensor) for name, tensor in inputs.items()},
            {"pooled_output": info(pooled), "sequence_output": info(sequence)},
        ),
        "tokenization_info": build(
            {}, {"vocab_file": info(vocabulary_tensor), "do_lower_case": info(tf.constant(lower_case))}
        ),
    }


def _albert(
    config: AlbertConfig, variables: _Variables, input_ids: Any, input_mask: Any, segment_ids: Any, dropout: float
) -> tuple[Any, Any]:
    shape = tf.shape(input_ids)
    batch, length = shape[0], shape[1]
    output = tf.nn.embedding_lookup(variables["embeddings/word_embeddings"], input_ids)
    one_hot = tf.one_hot(tf.reshape(segment_ids, [-1]), config.type_vocab_size)
    token_types = tf.matmul(one_hot, variables["embeddings/token_type_embeddings"])
    output += tf.reshape(token_types, [batch, length, config.embedding_size])
    with tf.control_dependencies([v1.assert_less_equal(length, config.max_position_embeddings)]):
        positions = tf.slice(variables["embeddings/position_embeddings"], [0, 0], [length, -1])
    output = _dropout(_layer_norm(output + positions[tf.newaxis], variables, "embeddings/LayerNorm"), dropout)
    adder = (1.0 - tf.cast(input_mask[:, tf.newaxis, tf.newaxis, :], tf.float32)) * -10000.0
    if config.embedding_size != config.hidden_size:
        output = _dense(output, variables, "encoder/embedding_hidden_mapping_in")
    for layer in range(config.num_hidden_layers):
        group = int(layer / config.num_hidden_layers * config.num_hidden_groups)
        for inner in range(config.inner_group_num):
            scope = f"encoder/transformer/group_{group}/inner_group_{inner}/"
            output = _layer(output, adder, config, variables, scope, dropout)
    sequence = tf.reshape(output, [batch, length, config.hidden_size])
    pooled = tf.tanh(_dense(tf.squeeze(sequence[:, 0:1, :], axis=1), variables, "pooler/dense"))
    return pooled, sequence


def _layer(inputs: Any, adder: Any, config: AlbertConfig, variables: _Variables, scope: str, dropout: float) -> Any:
    shape = tf.shape(inputs)
    heads = [shape[0], shape[1], config.num_attention_heads, config.head_size]
    query, key, value = (
        tf.transpose(tf.reshape(_dense(inputs, variables, f"{scope}attention_1/self/{part}"), heads), [0, 2, 1, 3])
        for part in ("query", "key", "value")
    )
    scores = tf.matmul(query, key, transpose_b=True) * (1.0 / math.sqrt(float(config.head_size))) + adder
    context = tf.transpose(tf.matmul(_dropout(tf.nn.softmax(scores), dropout), value), [0, 2, 1, 3])
    context = tf.reshape(context, [shape[0], shape[1], config.hidden_size])
    attention = _dropout(_dense(context, variables, f"{scope}attention_1/output/dense"), dropout)
    attention = _layer_norm(attention + inputs, variables, f"{scope}LayerNorm")
    intermediate = _activation(_dense(attention, variables, f"{scope}ffn_1/intermediate/dense"), config)
    output = _dropout(_dense(intermediate, variables, f"{scope}ffn_1/intermediate/output/dense"), dropout)
    return _layer_norm(output + attention, variables, f"{scope}LayerNorm_1")


def _activation(values: Any, config: AlbertConfig) -> Any:
    if config.hidden_act == "relu":
        return tf.nn.relu(values)
    return values * 0.5 * (1.0 + tf.tanh(np.sqrt(2 / np.pi) * (values + 0.044715 * tf.pow(values, 3))))


def _dense(inputs: Any, variables: _Variables, scope: str) -> Any:
    kernel = variables[f"{scope}/kernel"]
    flat = tf.reshape(inputs, [-1, kernel.shape[0]])
    output = tf.matmul(flat, kernel) + variables[f"{scope}/bias"]
    return tf.reshape(output, tf.concat([tf.shape(inputs)[:-1], [kernel.shape[1]]], axis=0))


def _layer_norm(inputs: Any, variables: _Variables, scope: str) -> Any:
    mean, variance = tf.nn.moments(inputs, axes=[-1], keepdims=True)
    return tf.nn.batch_normalization(
        inputs, mean, variance, variables[f"{scope}/beta"], variables[f"{scope}/gamma"], 1e-12
    )


def _dropout(values: Any, rate: float) -> Any:
    return v1.nn.dropout(values, rate=rate) if rate else values
