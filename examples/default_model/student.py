"""The student: an ALBERT that starts as a static embedding, and its weights as a checkpoint."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from albert_embed.model.architecture.config import AlbertConfig
from albert_embed.model.architecture.weights import layer_prefix, weight_shapes
from albert_embed.model.jax_engine.attention import masked_attention
from albert_embed.model.jax_engine.encoder import TokenInputs, encode_tokens, pool_first_tokens
from albert_embed.model.published.huggingface_checkpoint import huggingface_weight_name
from default_model.tokens import VOCABULARY_SIZE

CONFIG = AlbertConfig(
    vocab_size=VOCABULARY_SIZE,
    embedding_size=192,
    hidden_size=256,
    num_hidden_layers=2,
    num_hidden_groups=2,
    num_attention_heads=4,
    intermediate_size=512,
    hidden_act="gelu_tanh",
    max_position_embeddings=512,
)
# Two dimensions are not for meaning: what a token lacks in length goes there, because layer norms make all tokens of
# equal length, and the length of a static vector is its weight in the mean.
STATIC_SIZE = CONFIG.embedding_size - 2
TARGET_SIZE = CONFIG.hidden_size - 3
_MEAN_SHARE = 0.7

Weights = dict[str, Any]


class Frame(NamedTuple):
    """Orthonormal columns: those for meaning `[size, size - 2 or - 3]`, and the one for what a token lacks `[size]`."""

    meaning: np.ndarray
    rest: np.ndarray


def make_frame(size: int, *, outputs: bool) -> Frame:
    """Makes a frame in which every vector has mean 0, as layer norm wants it.

    The rest lies in the first two dimensions. With `outputs` nothing else does, so that the last layer can drop it.
    """
    rest = np.zeros(size)
    rest[0], rest[1] = np.sqrt(0.5), -np.sqrt(0.5)
    taken = [np.ones(size), *(np.eye(size)[:2] if outputs else [rest])]
    random = np.random.default_rng(size)
    columns = np.stack([*taken, *random.standard_normal((size - len(taken), size))], axis=1)
    return Frame(np.linalg.qr(columns)[0][:, len(taken) :], rest)


OUTPUT_FRAME = make_frame(CONFIG.hidden_size, outputs=True)


def start_as_static(vectors: np.ndarray, *, seed: int) -> Weights:
    """Returns the weights of an encoder whose mean is that of `vectors`, but for a factor.

    Args:
      vectors: `[pieces, STATIC_SIZE]`, in the first dimensions of the target.
      seed: of the layers, which change little at first.
    """
    random = np.random.default_rng(seed)
    frame = make_frame(CONFIG.embedding_size, outputs=False)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    longest = np.quantile(lengths, 0.99)
    vectors = vectors * np.minimum(1, longest / np.maximum(lengths, 1e-9)) / longest
    rest = np.sqrt(np.maximum(0, 1 - np.square(vectors).sum(axis=1, keepdims=True)))
    scale = np.sqrt(CONFIG.embedding_size)
    mapping = frame.meaning @ OUTPUT_FRAME.meaning[:, :STATIC_SIZE].T + np.outer(frame.rest, OUTPUT_FRAME.rest)
    size, hidden, inner = CONFIG.embedding_size, CONFIG.hidden_size, CONFIG.intermediate_size

    def noise(rows: int, columns: int) -> np.ndarray:
        return random.standard_normal((rows, columns)) * 0.02

    def dense(kernel: np.ndarray) -> Weights:
        return {"kernel": kernel, "bias": np.zeros(kernel.shape[1])}

    def norm(width: int) -> Weights:
        return {"gamma": np.ones(width), "beta": np.zeros(width)}

    weights: Weights = {
        "word_embeddings": (vectors @ frame.meaning.T + rest * frame.rest) * scale,
        "position_embeddings": np.zeros((CONFIG.max_position_embeddings, size)),
        "token_type_embeddings": np.zeros((CONFIG.type_vocab_size, size)),
        "embeddings_norm": norm(size),
        "mapping": dense(mapping * np.sqrt(hidden / size)),
        "groups": {},
        "pooler": dense(np.eye(hidden)),
    }
    # Attention is even at first, and adds some of the mean of all tokens to each: the mean keeps its direction, and the
    # first token, which is the pooled one, takes it over.
    meaning = OUTPUT_FRAME.meaning @ OUTPUT_FRAME.meaning.T
    for group in range(CONFIG.num_hidden_groups):
        weights["groups"][str(group)] = {
            "0": {
                "query_key_value": dense(np.concatenate([noise(hidden, 2 * hidden), meaning], axis=1)),
                "attention_output": dense(_MEAN_SHARE * meaning),
                "attention_norm": norm(hidden),
                "intermediate": dense(noise(hidden, inner)),
                "intermediate_output": dense(0.1 * noise(inner, hidden)),
                "output_norm": norm(hidden),
            }
        }
    weights["groups"][str(CONFIG.num_hidden_groups - 1)]["0"]["output_norm"]["gamma"][:2] = 0
    return jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), weights)


def silence_unknown(weights: Weights, unknown: int) -> Weights:
    """Returns the weights with a vector for the unknown piece that points where no text does.

    What it got in training is near what all texts share: a text in another script would be near every short query.
    """
    vector = make_frame(CONFIG.embedding_size, outputs=False).meaning[:, -1] * np.sqrt(CONFIG.embedding_size)
    return {**weights, "word_embeddings": weights["word_embeddings"].at[unknown].set(vector)}


def embed_ids(weights: Weights, ids: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the mean and the pooled output, float32 `[texts, hidden]` both, of ids int32 `[texts, tokens]`.

    0 is padding.
    """
    texts, length = ids.shape
    lengths = (ids > 0).sum(axis=1)
    positions = jnp.tile(jnp.arange(length), texts)
    inputs = TokenInputs(ids.reshape(-1), jnp.zeros_like(positions), positions)
    sequence = encode_tokens(weights, inputs, CONFIG, masked_attention(texts, length, lengths))
    sequence = sequence.reshape(texts, length, -1)
    mean = (sequence * (ids > 0)[..., jnp.newaxis]).sum(axis=1) / lengths[:, jnp.newaxis]
    return mean, pool_first_tokens(weights, sequence[:, 0])


def write_checkpoint(weights: Weights, path: Path) -> None:
    """Writes the weights in float16, under the names and in the layout of transformers' `AlbertModel`."""
    own = _name_weights(jax.tree.map(np.asarray, weights))
    names = {huggingface_weight_name(name): name for name in _list_huggingface_names()}
    if set(own) != set(weight_shapes(CONFIG)) or set(names) != set(own):
        raise ValueError(f"names that have no counterpart: {sorted(set(own) ^ set(names))}")
    save_file(
        {
            names[name]: np.ascontiguousarray(value.T if name.endswith("/kernel") else value, np.float16)
            for name, value in own.items()
        },
        path,
        metadata={"format": "pt"},  # transformers asks for it
    )


def describe_config() -> str:
    """Returns the content of `config.json`, as transformers reads it."""
    sizes = {name: value for name, value in dataclasses.asdict(CONFIG).items() if name != "hidden_act"}
    fields = {
        "model_type": "albert",
        "architectures": ["AlbertModel"],
        "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0,
        "attention_probs_dropout_prob": 0,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "torch_dtype": "float16",
        **sizes,
    }
    return json.dumps(fields, indent=2, sort_keys=True) + "\n"


def _name_weights(weights: Weights) -> dict[str, np.ndarray]:
    """Returns the weights by the names in `weight_shapes`, query, key and value apart and the query not scaled."""
    own = {f"embeddings/{name}": weights[name] for name in weights if name.endswith("_embeddings")}
    for part, name in (
        ("embeddings_norm", "embeddings/LayerNorm"),
        ("mapping", "encoder/embedding_hidden_mapping_in"),
        ("pooler", "pooler/dense"),
    ):
        own |= {f"{name}/{kind}": value for kind, value in weights[part].items()}
    for group, inner_layers in weights["groups"].items():
        prefix = layer_prefix(int(group), 0)
        for part, scope in (
            ("attention_output", "attention_1/output/dense"),
            ("attention_norm", "LayerNorm"),
            ("intermediate", "ffn_1/intermediate/dense"),
            ("intermediate_output", "ffn_1/intermediate/output/dense"),
            ("output_norm", "LayerNorm_1"),
        ):
            own |= {f"{prefix}{scope}/{kind}": value for kind, value in inner_layers["0"][part].items()}
        for kind, values in inner_layers["0"]["query_key_value"].items():
            query, key, value = np.split(values, 3, axis=-1)
            scaled = {"query": query * np.sqrt(CONFIG.head_size), "key": key, "value": value}
            own |= {f"{prefix}attention_1/self/{part}/{kind}": each for part, each in scaled.items()}
    return own


def _list_huggingface_names() -> list[str]:
    names = [f"embeddings.{part}_embeddings.weight" for part in ("word", "position", "token_type")]
    parts = ["embeddings.LayerNorm", "encoder.embedding_hidden_mapping_in", "pooler"]
    for group in range(CONFIG.num_hidden_groups):
        prefix = f"encoder.albert_layer_groups.{group}.albert_layers.0."
        attention = [f"attention.{part}" for part in ("query", "key", "value", "dense", "LayerNorm")]
        parts += [prefix + part for part in (*attention, "ffn", "ffn_output", "full_layer_layer_norm")]
    return names + [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]
