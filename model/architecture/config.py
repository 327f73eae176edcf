"""`AlbertConfig`: the shape of an ALBERT encoder, read from `albert_config.json` or a Hugging Face `config.json`."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from albert_embed.transforms.files.json_object import read_json_object

logger = logging.getLogger(__name__)

Activation = Literal["gelu_tanh", "gelu_erf", "relu"]
# Which terms a config uses. The same "gelu" means two things, so the reader must know: the file beside the config
# says so, the config's own fields do not.
Dialect = Literal["tf1", "huggingface"]

# The names of the activations in each dialect. The ALBERT repository's "gelu" is the tanh form (google-research/albert,
# modeling.py, `gelu`); Hugging Face's "gelu" is the erf form and "gelu_new" the tanh form (transformers,
# activations.py).
_TF1_ACTIVATIONS: dict[str, Activation] = {"gelu": "gelu_tanh", "relu": "relu"}
_HUGGING_FACE_ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu_erf",
    "gelu_python": "gelu_erf",
    "gelu_new": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_python_tanh": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}

# Fields whose other values would change the result: (field, the only values that the encoder implements).
_TF1_FIXED_FIELDS: dict[str, tuple[Any, ...]] = {
    "net_structure_type": (0,),
    "gap_size": (0,),
    "num_memory_blocks": (0,),
    "down_scale_factor": (1,),
    "layers_to_keep": ([], None),
}
_HUGGING_FACE_FIXED_FIELDS: dict[str, tuple[Any, ...]] = {
    "model_type": ("albert",),
    "position_embedding_type": ("absolute", None),
    "pruned_heads": ({}, None),
    **_TF1_FIXED_FIELDS,
}

# Hugging Face's defaults for fields that a `config.json` may leave out (transformers, `AlbertConfig`): they are those
# of albert-xxlarge.
_HUGGING_FACE_DEFAULTS: dict[str, Any] = {
    "vocab_size": 30000,
    "embedding_size": 128,
    "hidden_size": 4096,
    "num_hidden_layers": 12,
    "num_hidden_groups": 1,
    "num_attention_heads": 64,
    "intermediate_size": 16384,
    "inner_group_num": 1,
    "hidden_act": "gelu_new",
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}
# The ALBERT repository's defaults (google-research/albert, modeling.py, `AlbertConfig`); the rest must be given.
_TF1_DEFAULTS: dict[str, Any] = {
    "num_hidden_groups": 1,
    "inner_group_num": 1,
    "hidden_act": "gelu",
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlbertConfig:
    """The sizes and choices that determine what an ALBERT encoder computes, by the names of its published configs.

    Attributes:
      vocab_size: pieces of the vocabulary.
      embedding_size: width of the embeddings of pieces, which a matrix maps to `hidden_size`.
      hidden_size: width of the encoder.
      num_hidden_layers: how often a layer is applied.
      num_attention_heads: of each layer; they divide `hidden_size`.
      intermediate_size: width of the feed-forward part.
      num_hidden_groups: how many sets of weights the layers share.
      inner_group_num: layers of one set, applied one after the other.
      hidden_act: the activation of the feed-forward part.
      max_position_embeddings: maximum tokens of a model input.
      type_vocab_size: segments of a model input.
      layer_norm_eps: added to the variance in a layer norm.

    Raises:
      ValueError: if a size is not a positive integer, the heads don't divide `hidden_size`, the groups outnumber
        the layers, the activation is unknown, or `layer_norm_eps` is not positive.
    """

    vocab_size: int
    embedding_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    num_hidden_groups: int = 1
    inner_group_num: int = 1
    hidden_act: Activation = "gelu_tanh"
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type == "int" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{field.name} must be an integer of at least 1, not {value!r}")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} can't be divided among num_attention_heads {self.num_attention_heads}"
            )
        if self.num_hidden_groups > self.num_hidden_layers:
            raise ValueError(
                f"num_hidden_groups {self.num_hidden_groups} is more than num_hidden_layers {self.num_hidden_layers}: "
                "some groups would never be used"
            )
        if self.max_position_embeddings < 3:
            raise ValueError(
                f"max_position_embeddings {self.max_position_embeddings} leaves no room for [CLS], a token and [SEP]"
            )
        if self.hidden_act not in ("gelu_tanh", "gelu_erf", "relu"):
            raise ValueError(f"hidden_act must be gelu_tanh, gelu_erf or relu, not {self.hidden_act!r}")
        if isinstance(self.layer_norm_eps, bool) or not isinstance(self.layer_norm_eps, (int, float)):
            raise ValueError(f"layer_norm_eps must be a number, not {self.layer_norm_eps!r}")
        if not 0 < self.layer_norm_eps < 1:
            raise ValueError(f"layer_norm_eps must lie between 0 and 1, not {self.layer_norm_eps!r}")

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads

    def group_of_layer(self, layer: int) -> int:
        """Returns the index of the group of shared weights that layer number `layer` uses.

        Computed in floating point, as google-research/albert's `transformer_model` does.
        """
        return int(layer / self.num_hidden_layers * self.num_hidden_groups)

    def to_json(self) -> str:
        """Returns the config as this project writes it into an export, as JSON text."""
        return json.dumps({"format": "albert-embed", **dataclasses.asdict(self)}, indent=2, sort_keys=True) + "\n"


def read_config(path: Path, dialect: Dialect) -> AlbertConfig:
    """Returns the config in the JSON file `path`.

    Args:
      path: the file.
      dialect: `tf1` beside a TF1 checkpoint or in a Hub module, `huggingface` beside safetensors or PyTorch weights.
        An export of this project is recognised by a field of its own, whatever is given here.

    Raises:
      ValueError: if the file is not JSON, lacks a field, or holds a value that the encoder does not implement; the
        message names the file, the field and the value.
    """
    fields = read_json_object(path)
    try:
        return parse_config(fields, dialect)
    except ValueError as e:
        raise ValueError(f"{path}: {e}") from e


def parse_config(fields: Mapping[str, Any], dialect: Dialect) -> AlbertConfig:
    """Returns the config that a parsed JSON object describes; see `read_config`.

    Raises:
      ValueError: if a field is missing or holds a value that the encoder does not implement.
    """
    if fields.get("format") == "albert-embed":
        own_fields = {name: value for name, value in fields.items() if name != "format"}
        try:
            return AlbertConfig(**own_fields)
        except TypeError as e:
            raise ValueError(f"not a config of this version of albert-embed: {e}") from e
    if dialect == "huggingface":
        config = _parse(fields, _HUGGING_FACE_DEFAULTS, _HUGGING_FACE_FIXED_FIELDS, _HUGGING_FACE_ACTIVATIONS)
        _refuse_other_groups(config)
        return config
    # The TF1 implementation knows no layer_norm_eps: tf.contrib.layers.layer_norm's is 1e-12.
    if fields.get("layer_norm_eps", 1e-12) != 1e-12:
        raise ValueError(f"layer_norm_eps {fields['layer_norm_eps']!r}: the ALBERT repository's layer norm has 1e-12")
    return _parse(fields, _TF1_DEFAULTS, _TF1_FIXED_FIELDS, _TF1_ACTIVATIONS)


def _refuse_other_groups(config: AlbertConfig) -> None:
    """Raises ValueError where transformers uses another group for a layer than the encoder does.

    Its `AlbertTransformer` divides by layers per group, in floating point too. The two round differently from 18 layers
    on, and only for some numbers of groups, which no published model has.
    """
    per_group = config.num_hidden_layers / config.num_hidden_groups
    for layer in range(config.num_hidden_layers):
        theirs, ours = int(layer / per_group), config.group_of_layer(layer)
        if theirs != ours:
            raise ValueError(
                f"num_hidden_layers {config.num_hidden_layers} with num_hidden_groups {config.num_hidden_groups}: "
                f"layer {layer} is of group {theirs} in transformers, and of group {ours} in the ALBERT repository, "
                "whose way the encoder takes; such a model can't be exported"
            )


def _parse(
    fields: Mapping[str, Any],
    defaults: Mapping[str, Any],
    fixed_fields: Mapping[str, tuple[Any, ...]],
    activations: Mapping[str, Activation],
) -> AlbertConfig:
    for name, allowed in fixed_fields.items():
        if name in fields and fields[name] not in allowed:
            raise ValueError(f"{name} is {fields[name]!r}; the encoder implements only {allowed[0]!r}")
    arguments: dict[str, Any] = {}
    for field in dataclasses.fields(AlbertConfig):
        if field.name in fields:
            arguments[field.name] = fields[field.name]
        elif field.name in defaults:
            arguments[field.name] = defaults[field.name]
        elif field.default is dataclasses.MISSING:
            raise ValueError(f"the field {field.name} is missing; give the file that was published with the weights")
    activation = str(arguments.get("hidden_act"))
    if activation not in activations:
        raise ValueError(f"hidden_act is {activation!r}; the encoder implements {', '.join(sorted(activations))}")
    arguments["hidden_act"] = activations[activation]
    return AlbertConfig(**arguments)
