"""The weights of an ALBERT encoder: their names and shapes, and the check that a checkpoint holds just those.

Names are the ALBERT repository's variable names below `bert/` (google-research/albert, modeling.py), kernels are
`[input, output]`. Readers of other formats translate to these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from albert_embed.model.architecture.config import AlbertConfig

Weights = Mapping[str, np.ndarray]

MAPPING_KERNEL = "encoder/embedding_hidden_mapping_in/kernel"
MAPPING_BIAS = "encoder/embedding_hidden_mapping_in/bias"
POOLER_KERNEL = "pooler/dense/kernel"
POOLER_BIAS = "pooler/dense/bias"


class CheckpointError(ValueError):
    """A checkpoint does not hold the weights that its config calls for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderWeights:
    """What a checkpoint gives.

    Attributes:
      weights: name → value, float32, names and shapes as `weight_shapes`; those of the pooler are absent where the
        model was trained without one.
      notes: what a user should know of how they were found.
    """

    weights: Weights = dataclasses.field(repr=False)
    notes: tuple[str, ...] = ()


def layer_prefix(group: int, inner: int) -> str:
    """Returns what the names of the weights of inner layer `inner` of group `group` begin with."""
    return f"encoder/transformer/group_{group}/inner_group_{inner}/"


def weight_shapes(config: AlbertConfig) -> dict[str, tuple[int, ...]]:
    """Returns name → shape of every weight of the encoder that `config` describes."""
    embedding, hidden, intermediate = config.embedding_size, config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings/word_embeddings": (config.vocab_size, embedding),
        "embeddings/token_type_embeddings": (config.type_vocab_size, embedding),
        "embeddings/position_embeddings": (config.max_position_embeddings, embedding),
        "embeddings/LayerNorm/gamma": (embedding,),
        "embeddings/LayerNorm/beta": (embedding,),
        MAPPING_KERNEL: (embedding, hidden),
        MAPPING_BIAS: (hidden,),
        POOLER_KERNEL: (hidden, hidden),
        POOLER_BIAS: (hidden,),
    }
    for group in range(config.num_hidden_groups):
        for inner in range(config.inner_group_num):
            prefix = layer_prefix(group, inner)
            for part in ("query", "key", "value"):
                shapes[f"{prefix}attention_1/self/{part}/kernel"] = (hidden, hidden)
                shapes[f"{prefix}attention_1/self/{part}/bias"] = (hidden,)
            shapes[f"{prefix}attention_1/output/dense/kernel"] = (hidden, hidden)
            shapes[f"{prefix}attention_1/output/dense/bias"] = (hidden,)
            shapes[f"{prefix}ffn_1/intermediate/dense/kernel"] = (hidden, intermediate)
            shapes[f"{prefix}ffn_1/intermediate/dense/bias"] = (intermediate,)
            shapes[f"{prefix}ffn_1/intermediate/output/dense/kernel"] = (intermediate, hidden)
            shapes[f"{prefix}ffn_1/intermediate/output/dense/bias"] = (hidden,)
            for norm in ("LayerNorm", "LayerNorm_1"):
                shapes[f"{prefix}{norm}/gamma"] = (hidden,)
                shapes[f"{prefix}{norm}/beta"] = (hidden,)
    return shapes


def check_weights(
    found: Mapping[str, tuple[int, ...]],
    config: AlbertConfig,
    *,
    source: str,
    optional_mapping: bool = False,
) -> None:
    """Refuses a checkpoint whose weights are not exactly those that `config` calls for.

    The pooler may be absent as a whole: models trained for masked words, tokens or answers have none. So may the
    mapping of embeddings where `optional_mapping` says so.

    Args:
      found: name → shape of what the checkpoint holds, names as in `weight_shapes`.
      config: what the checkpoint claims to be.
      source: what to call the checkpoint in an error.
      optional_mapping: whether the mapping from `embedding_size` to `hidden_size` may be absent.

    Raises:
      CheckpointError: if weights are missing, extra or of the wrong shape; all are named.
    """
    expected = weight_shapes(config)
    absent = set(expected) - set(found)
    parts = [{POOLER_KERNEL, POOLER_BIAS}, *([{MAPPING_KERNEL, MAPPING_BIAS}] if optional_mapping else [])]
    missing = sorted(absent.difference(*(part for part in parts if part <= absent)))
    extra = sorted(set(found) - set(expected))
    misshaped = sorted(name for name in set(expected) & set(found) if tuple(found[name]) != expected[name])
    problems = []
    if missing:
        problems.append("missing: " + ", ".join(missing))
    if extra:
        problems.append("extra: " + ", ".join(extra))
    if misshaped:
        problems.append(
            "mis-shaped: "
            + ", ".join(
                f"{name} is {list(found[name])}, the config calls for {list(expected[name])}" for name in misshaped
            )
        )
    if problems:
        raise CheckpointError(
            f"{source} does not hold the weights that its config calls for; {'; '.join(problems)}. "
            "Is the config the one that was published with these weights?"
        )


def note_pooler(weights: Weights) -> tuple[str, ...]:
    """Returns the note that there is no pooler, where there is none."""
    if POOLER_KERNEL in weights:
        return ()
    return ("there is no pooler among the weights: the export gives no pooled output",)
