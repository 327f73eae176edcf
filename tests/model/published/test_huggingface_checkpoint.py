"""Hugging Face checkpoints: what is read, what is skipped, and what is named when it doesn't fit."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.model.architecture.weights import CheckpointError
from albert_embed.model.published.published_model import open_published_model
from albert_embed.model.vocabulary.tokenizer_json import TokenizerError
from tests.model.checkpoints import huggingface_tensors, write_huggingface_checkpoint, write_huggingface_config
from tests.model.published.test_tf1_checkpoint import assert_same_weights
from tests.tiny_model import TINY, make_weights, replace

TORCH = importlib.util.find_spec("torch") is not None
# Nearly all published ones are saved below "albert.", with the heads of pre-training.
PREFIXES = ["", "albert."]


def read(directory: Path) -> dict[str, np.ndarray]:
    with open_published_model(str(directory)) as published:
        assert published.format == "huggingface"
        return dict(published.read_weights().weights)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_weights_come_back_with_their_config(tmp_path: Path, prefix: str) -> None:
    config = replace(TINY, hidden_act="gelu_erf", inner_group_num=2, layer_norm_eps=1e-6)
    weights = dict(make_weights(config))
    write_huggingface_checkpoint(tmp_path, config, huggingface_tensors(weights, prefix=prefix))
    assert_same_weights(read(tmp_path), weights)
    with open_published_model(str(tmp_path)) as published:
        assert published.config == config


def test_heads_and_buffers_are_passed_over(tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    some = np.ones((2, 3), np.float32)
    beside: dict[str, np.ndarray] = {
        "predictions.bias": some,
        "predictions.dense.weight": some,
        "predictions.decoder.weight": some,
        "sop_classifier.classifier.weight": some,
        "classifier.weight": some,
        "qa_outputs.bias": some,
        "my.own.head.weight": some,
        "loss_weights": some,
        "albert.embeddings.position_ids": np.arange(5)[np.newaxis],
    }
    write_huggingface_checkpoint(tmp_path, TINY, {**huggingface_tensors(weights, prefix="albert."), **beside})
    assert_same_weights(read(tmp_path), weights)


@pytest.mark.parametrize(
    "prefix",
    ["module.", "module.albert.", "_orig_mod.albert.", "model.albert.", "_orig_mod.module.", "0.auto_model.", "model."],
)
def test_the_usual_wrappers_are_taken_off(tmp_path: Path, prefix: str) -> None:
    weights = dict(make_weights(TINY))
    tensors = {**huggingface_tensors(weights, prefix=prefix), "classifier.weight": np.ones((2, 3), np.float32)}
    write_huggingface_checkpoint(tmp_path, TINY, tensors)
    with open_published_model(str(tmp_path)) as published:
        found = published.read_weights()
    assert_same_weights(dict(found.weights), weights)
    assert found.notes == ("1 tensor outside the encoder is skipped: classifier.weight",)


def test_the_same_names_behind_an_unknown_prefix_are_read_and_said(tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    write_huggingface_checkpoint(tmp_path, TINY, huggingface_tensors(weights, prefix="student.net."))
    with open_published_model(str(tmp_path)) as published:
        found = published.read_weights()
    assert_same_weights(dict(found.weights), weights)
    assert found.notes == ("the encoder's weights have the prefix 'student.net.', which is not one of the usual ones",)


def test_two_encoders_are_refused(tmp_path: Path) -> None:
    weights = make_weights(TINY)
    tensors = {**huggingface_tensors(weights, prefix="query."), **huggingface_tensors(weights, prefix="document.")}
    write_huggingface_checkpoint(tmp_path, TINY, tensors)
    with pytest.raises(CheckpointError, match=r"holds 2 encoders, with the prefixes 'document.', 'query.'; save the"):
        read(tmp_path)


def test_a_usual_prefix_goes_before_others(tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    others = huggingface_tensors(make_weights(TINY, seed=1), prefix="teacher.albert.")
    write_huggingface_checkpoint(tmp_path, TINY, {**huggingface_tensors(weights, prefix="albert."), **others})
    assert_same_weights(read(tmp_path), weights)


def test_no_encoder_at_all(tmp_path: Path) -> None:
    write_huggingface_checkpoint(tmp_path, TINY, {"a.weight": np.zeros(1), "b.weight": np.zeros(1)})
    with pytest.raises(CheckpointError) as error:
        read(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/model.safetensors holds no ALBERT encoder: no name ends in embeddings.word_embeddings.weight; "
        "it holds a.weight, b.weight"
    )


def test_layer_norms_by_their_old_names(tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    tensors = {}
    for name, value in huggingface_tensors(weights, prefix="albert.").items():
        if "LayerNorm" in name or "layer_norm" in name:
            name = name.replace(".weight", ".gamma").replace(".bias", ".beta")
        tensors[name] = value
    assert sum(name.endswith(".gamma") for name in tensors) == 5
    write_huggingface_checkpoint(tmp_path, TINY, tensors)
    assert_same_weights(read(tmp_path), weights)


def test_no_pooler_is_no_fault_but_half_of_one_is(tmp_path: Path) -> None:
    weights = {name: value for name, value in make_weights(TINY).items() if "pooler" not in name}
    write_huggingface_checkpoint(tmp_path, TINY, huggingface_tensors(weights, prefix="albert."))
    with open_published_model(str(tmp_path)) as published:
        found = published.read_weights()
    assert_same_weights(dict(found.weights), weights)
    assert found.notes == ("there is no pooler among the weights: the export gives no pooled output",)


def write_shards(directory: Path, tensors: dict[str, np.ndarray]) -> dict[str, str]:
    """Write tensors as transformers does where they are too large for one file; returns name → file."""
    from safetensors.numpy import save_file

    write_huggingface_config(directory, TINY)
    weight_map = {}
    for number, names in enumerate(np.array_split(sorted(tensors), 3), 1):
        file = f"model-{number:05}-of-00003.safetensors"
        save_file({name: np.ascontiguousarray(tensors[name]) for name in names.tolist()}, directory / file)
        weight_map.update(dict.fromkeys(names.tolist(), file))
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    return weight_map


def test_shards_are_read_by_their_index(tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    write_shards(tmp_path, huggingface_tensors(weights, prefix="albert."))
    assert_same_weights(read(tmp_path), weights)


def test_shards_that_are_not_whole_are_named(tmp_path: Path) -> None:
    weight_map = write_shards(tmp_path, huggingface_tensors(make_weights(TINY)))
    index = tmp_path / "model.safetensors.index.json"
    second = tmp_path / "model-00002-of-00003.safetensors"
    kept = second.read_bytes()
    second.unlink()
    with pytest.raises(
        CheckpointError, match=r"index.json names model-00002-of-00003.safetensors, which is missing; wa"
    ):
        read(tmp_path)
    second.write_bytes(kept)
    index.write_text(json.dumps({"weight_map": {**weight_map, "x.weight": second.name}}))
    with pytest.raises(
        CheckpointError, match=r"says that model-00002-of-00003.safetensors holds x.weight, which it do"
    ):
        read(tmp_path)
    index.write_text(json.dumps({"weight_map": {"x.weight": "../elsewhere.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"names '../elsewhere.safetensors', which is not a file beside it$"):
        read(tmp_path)
    for content in ("{}", "[]", "no json", '{"weight_map": 1}'):
        index.write_text(content)
        with pytest.raises(CheckpointError, match=r"index.json is not an index of a sharded model"):
            read(tmp_path)
    index.unlink()
    with pytest.raises(
        CheckpointError, match=r"is a part of a model, whose index model.safetensors.index.json is missi"
    ):
        read(tmp_path)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_tensor_at_fault_is_named(tmp_path: Path, prefix: str) -> None:
    tensors = huggingface_tensors(make_weights(TINY), prefix=prefix)
    del tensors[f"{prefix}pooler.bias"]
    tensors[f"{prefix}encoder.albert_layer_groups.0.albert_layers.0.gate.weight"] = np.zeros((2, 2), np.float32)
    tensors[f"{prefix}encoder.albert_layer_groups.1.albert_layers.0.ffn.weight"] = np.zeros((24, 15), np.float32)
    write_huggingface_checkpoint(tmp_path, TINY, tensors)
    with pytest.raises(CheckpointError) as error:
        read(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/model.safetensors does not hold the weights that its config calls for; "
        "missing: pooler/dense/bias; extra: encoder.albert_layer_groups.0.albert_layers.0.gate.weight; "
        "mis-shaped: encoder/transformer/group_1/inner_group_0/ffn_1/intermediate/dense/kernel is [15, 24], "
        "the config calls for [16, 24]. Is the config the one that was published with these weights?"
    )


def test_bfloat16_weights_are_read_as_float32(tmp_path: Path) -> None:
    from safetensors.tensorflow import save_file

    weights = dict(make_weights(TINY))
    tensors = {name: tf.cast(value, tf.bfloat16) for name, value in huggingface_tensors(weights).items()}
    save_file(tensors, str(tmp_path / "model.safetensors"))
    write_huggingface_config(tmp_path, TINY)
    rounded = {name: tf.cast(tf.cast(value, tf.bfloat16), tf.float32).numpy() for name, value in weights.items()}
    found = read(tmp_path)
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}
    assert_same_weights(found, rounded)


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0nonsense", b"garbage of some length"])
def test_a_broken_safetensors_file_is_named(tmp_path: Path, content: bytes) -> None:
    write_huggingface_config(tmp_path, TINY)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model.safetensors can't be read as a safetensors file: "):
        read(tmp_path)


def test_a_truncated_safetensors_file_is_named(tmp_path: Path) -> None:
    write_huggingface_checkpoint(tmp_path, TINY, huggingface_tensors(make_weights(TINY)))
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model.safetensors can't be read as a safetensors file: "):
        read(tmp_path)


@pytest.mark.skipif(TORCH, reason="torch is installed")
def test_a_torch_file_without_torch_says_what_to_do(tmp_path: Path) -> None:
    write_huggingface_config(tmp_path, TINY)
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(
        CheckpointError,
        match=r"pytorch_model.bin needs PyTorch to be read, which is not installed; install torch, or get the "
        r"model.safetensors of the same model$",
    ):
        read(tmp_path)


@pytest.mark.skipif(not TORCH, reason="torch is not installed")
def test_a_torch_file_is_read_weights_only(tmp_path: Path) -> None:
    import torch

    weights = dict(make_weights(TINY))
    write_huggingface_config(tmp_path, TINY)
    path = tmp_path / "pytorch_model.bin"
    tensors = huggingface_tensors(weights, prefix="albert.")
    torch.save({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()}, path)
    assert_same_weights(read(tmp_path), weights)
    torch.save({"albert.pooler.bias": Path("anything that is not a tensor")}, path)
    with pytest.raises(CheckpointError, match=r"holds more than tensors .* get the model.safetensors of the same") as e:
        read(tmp_path)
    assert "weights_only" not in str(e.value)


def test_safetensors_are_preferred(tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    write_huggingface_checkpoint(tmp_path, TINY, huggingface_tensors(weights))
    (tmp_path / "pytorch_model.bin").write_bytes(b"never read")
    assert_same_weights(read(tmp_path), weights)


@pytest.mark.parametrize(
    ("fields", "lower_case"), [({"do_lower_case": True}, True), ({"do_lower_case": False}, False), ({}, None)]
)
def test_the_tokenizer_config_tells_the_casing(
    tmp_path: Path, fields: dict[str, bool], lower_case: bool | None
) -> None:
    write_huggingface_checkpoint(tmp_path, TINY, huggingface_tensors(make_weights(TINY)))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**fields, "keep_accents": False, "remove_space": True}))
    with open_published_model(str(tmp_path)) as published:
        assert published.tokenizer.lower_case is lower_case


@pytest.mark.parametrize(("name", "value"), [("keep_accents", True), ("remove_space", False)])
def test_a_tokenizer_that_works_otherwise_is_refused(tmp_path: Path, name: str, value: bool) -> None:
    write_huggingface_checkpoint(tmp_path, TINY, huggingface_tensors(make_weights(TINY)))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({name: value}))
    message = f"tokenizer_config.json: {name} is {value}; only {not value}, the ALBERT repository's way, is implemented"
    with pytest.raises(TokenizerError, match=message), open_published_model(str(tmp_path)):
        pass


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64])
def test_quantised_weights_are_refused(tmp_path: Path, kind: type[np.generic]) -> None:
    """Their scales are stored in each tool's own way; without these they are other numbers."""
    tensors = huggingface_tensors(make_weights(TINY), prefix="albert.")
    tensors["albert.pooler.weight"] = np.ones((16, 16), kind)
    write_huggingface_checkpoint(tmp_path, TINY, tensors)
    stored = {np.int8: "I8", np.uint8: "U8", np.int64: "I64"}[kind]
    with pytest.raises(
        CheckpointError, match=rf"model.safetensors: albert.pooler.weight is stored as {stored}, so these"
    ):
        read(tmp_path)


def test_the_cache_of_hugging_face_is_named_with_the_folder_to_give(tmp_path: Path) -> None:
    revision = tmp_path / "snapshots" / "0123abcd"
    write_huggingface_checkpoint(revision, TINY, huggingface_tensors(make_weights(TINY)))
    (tmp_path / "refs").mkdir()
    with pytest.raises(CheckpointError) as error:
        read(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} is Hugging Face's cache of a model; give the folder of a revision in it: {revision}"
    )
    read(revision)
