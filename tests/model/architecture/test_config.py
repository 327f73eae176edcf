"""`AlbertConfig` from both published dialects and its own; what it refuses, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from albert_embed.model.architecture import config as config_module
from albert_embed.model.architecture.config import AlbertConfig, Dialect, read_config

TF1: dict[str, Any] = {
    "attention_probs_dropout_prob": 0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0,
    "embedding_size": 128,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "num_hidden_groups": 1,
    "net_structure_type": 0,
    "gap_size": 0,
    "num_memory_blocks": 0,
    "inner_group_num": 1,
    "down_scale_factor": 1,
    "type_vocab_size": 2,
    "vocab_size": 30000,
}
BASE = AlbertConfig(
    vocab_size=30000,
    embedding_size=128,
    hidden_size=768,
    num_hidden_layers=12,
    num_attention_heads=12,
    intermediate_size=3072,
    num_hidden_groups=1,
    inner_group_num=1,
    hidden_act="gelu_tanh",
    max_position_embeddings=512,
    type_vocab_size=2,
    layer_norm_eps=1e-12,
)
HUGGING_FACE = {**TF1, "model_type": "albert", "hidden_act": "gelu_new", "layer_norm_eps": 1e-12}


def parse_config(fields: dict[str, Any], dialect: Dialect | None = None) -> AlbertConfig:
    """`fields` read in their own dialect, where the test names no other."""
    return config_module.parse_config(fields, dialect or ("huggingface" if "model_type" in fields else "tf1"))


@pytest.mark.parametrize(
    ("dialect", "name", "expected"),
    [("tf1", "gelu", "gelu_tanh"), ("huggingface", "gelu", "gelu_erf"), ("huggingface", "gelu_new", "gelu_tanh")],
)
@pytest.mark.parametrize("beside", [{}, {"model_type": "albert"}, {"transformers_version": "5.0.0"}], ids=str)
def test_the_dialect_is_what_the_file_beside_says_and_not_guessed(
    dialect: Dialect, name: str, expected: str, beside: dict[str, str]
) -> None:
    """The same fields mean one thing beside TF1 weights and another beside safetensors."""
    fields = {key: value for key, value in TF1.items() if key != "model_type"}
    assert parse_config({**fields, "hidden_act": name, **beside}, dialect).hidden_act == expected


def test_the_config_of_a_release_is_read() -> None:
    assert parse_config(TF1) == BASE


def test_the_config_of_hugging_face_is_read() -> None:
    assert parse_config(HUGGING_FACE) == BASE


def test_every_field_reaches_the_config() -> None:
    other = {
        "vocab_size": 100,
        "embedding_size": 10,
        "hidden_size": 20,
        "num_hidden_layers": 6,
        "num_hidden_groups": 3,
        "inner_group_num": 2,
        "num_attention_heads": 5,
        "intermediate_size": 40,
        "max_position_embeddings": 64,
        "type_vocab_size": 4,
        "layer_norm_eps": 1e-5,
    }
    config = parse_config({**HUGGING_FACE, **other})
    assert {name: getattr(config, name) for name in other} == other


def test_what_hugging_face_leaves_out_is_its_own_default() -> None:
    config = parse_config({"model_type": "albert"})
    assert (config.hidden_size, config.num_attention_heads, config.intermediate_size) == (4096, 64, 16384)
    assert (config.vocab_size, config.embedding_size, config.hidden_act) == (30000, 128, "gelu_tanh")


def test_what_a_release_leaves_out_is_the_repositorys_default() -> None:
    optional = ("num_hidden_groups", "inner_group_num", "hidden_act", "max_position_embeddings", "type_vocab_size")
    assert parse_config({name: value for name, value in TF1.items() if name not in optional}) == BASE


@pytest.mark.parametrize(
    ("dialect", "name", "expected"),
    [
        ("tf1", "gelu", "gelu_tanh"),
        ("tf1", "relu", "relu"),
        ("huggingface", "gelu", "gelu_erf"),
        ("huggingface", "gelu_python", "gelu_erf"),
        ("huggingface", "gelu_new", "gelu_tanh"),
        ("huggingface", "gelu_accurate", "gelu_tanh"),
        ("huggingface", "gelu_fast", "gelu_tanh"),
        ("huggingface", "gelu_python_tanh", "gelu_tanh"),
        ("huggingface", "gelu_pytorch_tanh", "gelu_tanh"),
        ("huggingface", "relu", "relu"),
    ],
)
def test_each_dialect_has_its_own_names_of_activations(dialect: str, name: str, expected: str) -> None:
    fields = TF1 if dialect == "tf1" else HUGGING_FACE
    assert parse_config({**fields, "hidden_act": name}).hidden_act == expected


@pytest.mark.parametrize("fields", [TF1, HUGGING_FACE], ids=["tf1", "huggingface"])
@pytest.mark.parametrize("name", ["swish", "gelu_tanh", None, ["gelu"]])
def test_an_unknown_activation_is_refused(fields: dict[str, Any], name: Any) -> None:
    with pytest.raises(ValueError, match=r"^hidden_act is .*; the encoder implements gelu"):
        parse_config({**fields, "hidden_act": name})


IMPOSSIBLE = [
    *(
        ({name: value}, f"{name} must be an integer of at least 1, not {value!r}")
        for name in (
            "vocab_size",
            "embedding_size",
            "hidden_size",
            "num_hidden_layers",
            "num_hidden_groups",
            "inner_group_num",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        )
        for value in (0, -1, 2.0, "2", True, None)
    ),
    ({"hidden_size": 770}, "hidden_size 770 can't be divided among num_attention_heads 12"),
    ({"num_hidden_groups": 13}, "num_hidden_groups 13 is more than num_hidden_layers 12: some groups would never"),
    ({"max_position_embeddings": 2}, "max_position_embeddings 2 leaves no room for [CLS], a token and [SEP]"),
]


@pytest.mark.parametrize(("changes", "reason"), IMPOSSIBLE, ids=[str(changes) for changes, _ in IMPOSSIBLE])
def test_an_impossible_value_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    for fields in (TF1, HUGGING_FACE):
        with pytest.raises(ValueError) as error:
            parse_config({**fields, **changes})
        assert str(error.value).startswith(reason)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (0, "layer_norm_eps must lie between 0 and 1, not 0"),
        (-1e-12, "layer_norm_eps must lie between 0 and 1, not -1e-12"),
        (1.0, "layer_norm_eps must lie between 0 and 1, not 1.0"),
        (float("nan"), "layer_norm_eps must lie between 0 and 1, not nan"),
        ("1e-12", "layer_norm_eps must be a number, not '1e-12'"),
        (True, "layer_norm_eps must be a number, not True"),
    ],
)
def test_an_impossible_epsilon_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_config({**HUGGING_FACE, "layer_norm_eps": value})
    assert str(error.value) == reason


def test_a_release_has_no_other_epsilon() -> None:
    assert parse_config({**TF1, "layer_norm_eps": 1e-12}) == BASE
    with pytest.raises(ValueError, match=r"^layer_norm_eps 1e-05: the ALBERT repository's layer norm has 1e-12$"):
        parse_config({**TF1, "layer_norm_eps": 1e-5})


@pytest.mark.parametrize("name", ["vocab_size", "embedding_size", "hidden_size", "num_hidden_layers"])
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"^the field {name} is missing; give the file that was published"):
        parse_config({key: value for key, value in TF1.items() if key != name})


@pytest.mark.parametrize(
    ("fields", "name", "value", "implemented"),
    [
        (TF1, "net_structure_type", 1, "0"),
        (TF1, "gap_size", 2, "0"),
        (TF1, "layers_to_keep", [0, 2], "[]"),
        (HUGGING_FACE, "layers_to_keep", [0, 2], "[]"),
        (HUGGING_FACE, "pruned_heads", {"0": [1]}, "{}"),
        (TF1, "num_memory_blocks", 3, "0"),
        (TF1, "down_scale_factor", 2, "1"),
        (HUGGING_FACE, "down_scale_factor", 2, "1"),
        (HUGGING_FACE, "model_type", "bert", "'albert'"),
        (HUGGING_FACE, "position_embedding_type", "relative_key", "'absolute'"),
    ],
)
def test_a_field_that_the_encoder_has_only_one_value_for(
    fields: dict[str, Any], name: str, value: Any, implemented: str
) -> None:
    with pytest.raises(ValueError) as error:
        parse_config({**fields, name: value})
    assert str(error.value) == f"{name} is {value!r}; the encoder implements only {implemented}"


def test_the_own_form_is_read_back(tmp_path: Path) -> None:
    config = parse_config({**HUGGING_FACE, "hidden_act": "gelu", "num_hidden_groups": 4, "layer_norm_eps": 1e-6})
    path = tmp_path / "albert_config.json"
    path.write_text(config.to_json())
    assert read_config(path, "tf1") == config
    assert config.hidden_act == "gelu_erf"


def test_an_unknown_field_of_the_own_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "albert_config.json"
    path.write_text(json.dumps({**json.loads(BASE.to_json()), "rotary": True}))
    with pytest.raises(ValueError, match=r"albert_config.json: not a config of this version of albert-embed.*'rotary'"):
        read_config(path, "tf1")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is not a JSON file: Expecting property name"),
        (b"\xff{}", "is not a JSON file: 'utf-8' codec can't decode"),
        (b"[1]", "must hold a JSON object, not list"),
        (b"{}", ": the field vocab_size is missing; give the file that was published with the weights"),
    ],
)
def test_a_file_that_is_no_config_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        read_config(path, "tf1")
    assert str(error.value).startswith(str(path)) and reason in str(error.value)


@pytest.mark.parametrize(
    ("layers", "groups", "expected"),
    [(12, 1, [0] * 12), (4, 2, [0, 0, 1, 1]), (5, 2, [0, 0, 0, 1, 1]), (3, 3, [0, 1, 2])],
)
def test_layers_are_dealt_out_to_groups(layers: int, groups: int, expected: list[int]) -> None:
    config = parse_config({**TF1, "num_hidden_layers": layers, "num_hidden_groups": groups})
    assert [config.group_of_layer(layer) for layer in range(layers)] == expected
    assert config.head_size == 64


def test_layers_that_transformers_gives_to_other_groups_are_refused() -> None:
    """int(13 / 22 * 22) is 12 and int(13 / (22 / 22)) is 13: the two programs round at different places."""
    fields = {**HUGGING_FACE, "num_hidden_layers": 22, "num_hidden_groups": 22}
    with pytest.raises(
        ValueError, match=r"^num_hidden_layers 22 with num_hidden_groups 22: layer \d+ is of group \d+ in t"
    ):
        parse_config(fields)
    assert parse_config({**fields, "num_hidden_layers": 24, "num_hidden_groups": 24}).num_hidden_groups == 24
    assert parse_config({**TF1, "num_hidden_layers": 22, "num_hidden_groups": 22}).num_hidden_groups == 22
