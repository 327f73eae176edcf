"""TF1 checkpoints: what is read, what is skipped, and what is named when it doesn't fit."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed.model.architecture.weights import CheckpointError
from albert_embed.model.published.published_model import open_published_model
from albert_embed.model.published.tf1_checkpoint import find_checkpoint, read_tf1_checkpoint
from albert_embed.model.vocabulary.source_tokenizer import SourceTokenizer
from tests.model.checkpoints import tf1_variables, write_tf1_checkpoint
from tests.tiny_model import GOLDEN, TINY, make_weights, replace

QUERY = "encoder/transformer/group_1/inner_group_0/attention_1/self/query/kernel"


def read(directory: Path) -> dict[str, np.ndarray]:
    with open_published_model(str(directory)) as published:
        assert published.format == "tf1_checkpoint"
        return dict(published.read_weights().weights)


def assert_same_weights(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_the_weights_come_back_with_their_config(tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(weights))
    assert_same_weights(read(tmp_path), weights)
    with open_published_model(str(tmp_path)) as published:
        assert published.config == TINY
        assert published.tokenizer == SourceTokenizer(vocabulary_file=None, lower_case=None)


@pytest.mark.parametrize("vocabulary", ["30k-clean.model", "spiece.model"])
def test_the_vocabulary_beside_the_weights_is_found(tmp_path: Path, vocabulary: str) -> None:
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(make_weights(TINY)))
    (tmp_path / vocabulary).write_bytes(b"x")
    with open_published_model(str(tmp_path)) as published:
        assert published.tokenizer.vocabulary_file == tmp_path / vocabulary


def test_what_pre_training_leaves_is_passed_over(tmp_path: Path) -> None:
    weights = dict(make_weights(TINY))
    some = np.ones(3, np.float32)
    beside: dict[str, Any] = {
        "cls/predictions/output_bias": some,
        "cls/seq_relationship/output_weights": some,
        "global_step": np.int64(1),
        f"bert/{QUERY}/adam_m": some,
        f"bert/{QUERY}/adam_v": some,
        f"bert/{QUERY}/lamb_m": some,
        f"bert/{QUERY}/Adam": some,
        f"bert/{QUERY}/Adam_1": some,
        "beta1_power": np.float32(0.9),
        "beta2_power": np.float32(0.9),
        # of fine-tuning: classifiers and SQuAD (google-research/albert), moving averages, a head of one's own
        "output_weights": some,
        "output_bias": some,
        "start_logits/dense/kernel": some,
        "answer_class/dense_0/kernel": some,
        f"bert/{QUERY}/ExponentialMovingAverage": some,
        "bert/pooler/dense/bias/AdamWeightDecayOptimizer/m": some,
        "my_head/embeddings/kernel": some,
        "training/Adam/m/bert/embeddings/word_embeddings": some,
    }
    write_tf1_checkpoint(tmp_path, TINY, {**tf1_variables(weights), **beside})
    assert_same_weights(read(tmp_path), weights)


def test_every_variable_at_fault_is_named(tmp_path: Path) -> None:
    variables = tf1_variables(make_weights(TINY))
    del variables["bert/pooler/dense/bias"], variables["bert/embeddings/LayerNorm/gamma"]
    variables["bert/pooler/dense/extra"] = np.zeros(2, np.float32)
    variables["other/thing"] = np.zeros(2, np.float32)
    variables[f"bert/{QUERY}"] = np.zeros((16, 15), np.float32)
    variables["bert/embeddings/word_embeddings"] = np.zeros((399, 8), np.float32)
    write_tf1_checkpoint(tmp_path, TINY, variables)
    with pytest.raises(CheckpointError) as error:
        read(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/model.ckpt-best does not hold the weights that its config calls for; "
        "missing: embeddings/LayerNorm/gamma, pooler/dense/bias; "
        "extra: pooler/dense/extra; "
        "mis-shaped: embeddings/word_embeddings is [399, 8], the config calls for [400, 8], "
        f"{QUERY} is [16, 15], the config calls for [16, 16]. "
        "Is the config the one that was published with these weights?"
    )


def test_a_group_too_few_is_named(tmp_path: Path) -> None:
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(make_weights(replace(TINY, num_hidden_groups=1))))
    with pytest.raises(CheckpointError, match=rf"; missing: .*{re.escape(QUERY)}.*\. Is the config"):
        read(tmp_path)


@pytest.mark.parametrize("mapping", [True, False])
def test_equal_sizes_need_no_mapping(tmp_path: Path, mapping: bool) -> None:
    config = replace(TINY, embedding_size=16)
    weights = {
        name: value for name, value in make_weights(config).items() if mapping or "embedding_hidden_mapping" not in name
    }
    write_tf1_checkpoint(tmp_path, config, tf1_variables(weights))
    assert_same_weights(read(tmp_path), weights)


def test_other_sizes_need_the_mapping(tmp_path: Path) -> None:
    weights = {name: value for name, value in make_weights(TINY).items() if "embedding_hidden_mapping" not in name}
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(weights))
    with pytest.raises(
        CheckpointError, match=r"missing: encoder/embedding_hidden_mapping_in/bias, encoder/embedding_hid"
    ):
        read(tmp_path)


@pytest.mark.parametrize("missing", ["kernel", "bias"])
def test_half_a_mapping_is_named_where_it_may_be_absent_as_a_whole(tmp_path: Path, missing: str) -> None:
    config = replace(TINY, embedding_size=16)
    variables = tf1_variables(make_weights(config))
    del variables[f"bert/encoder/embedding_hidden_mapping_in/{missing}"]
    write_tf1_checkpoint(tmp_path, config, variables)
    with pytest.raises(CheckpointError, match=rf"; missing: encoder/embedding_hidden_mapping_in/{missing}\. Is the"):
        read(tmp_path)


def test_weights_in_integers_are_refused(tmp_path: Path) -> None:
    variables = tf1_variables(make_weights(TINY))
    name = "bert/pooler/dense/kernel"
    write_tf1_checkpoint(tmp_path, TINY, {**variables, name: variables[name].astype(np.int8)})
    with pytest.raises(
        CheckpointError, match=rf"model.ckpt-best: {name} is stored as int8, so these weights are quant"
    ):
        read(tmp_path)


def test_what_macos_leaves_beside_a_checkpoint_is_none(tmp_path: Path) -> None:
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(make_weights(TINY)), name="model.ckpt-7")
    for ending in ("index", "data-00000-of-00001"):
        (tmp_path / f"._model.ckpt-7.{ending}").write_bytes(b"\x00\x05\x16\x07")
    assert find_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-7")


def test_the_best_of_several_checkpoints_is_read(tmp_path: Path) -> None:
    best = dict(make_weights(TINY, seed=1))
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(make_weights(TINY, seed=2)), name="model.ckpt-125000")
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(best))
    assert_same_weights(read(tmp_path), best)


def test_one_checkpoint_of_another_name_is_read(tmp_path: Path) -> None:
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(make_weights(TINY)), name="model.ckpt-7")
    assert find_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-7")


def test_several_checkpoints_with_no_best_are_refused(tmp_path: Path) -> None:
    for step in (5, 7):
        write_tf1_checkpoint(tmp_path, TINY, tf1_variables(make_weights(TINY)), name=f"model.ckpt-{step}")
    with pytest.raises(
        CheckpointError, match=r"must hold one checkpoint .*, found \['model.ckpt-5', 'model.ckpt-7'\]; name the o"
    ):
        read(tmp_path)


@pytest.mark.parametrize("ending", ["", ".index", ".data-00000-of-00001"])
def test_a_checkpoint_is_named_by_its_prefix_or_one_of_its_files(tmp_path: Path, ending: str) -> None:
    weights = dict(make_weights(TINY, seed=1))
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(make_weights(TINY, seed=2)))
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(weights), name="model.ckpt-125000")
    assert_same_weights(read(tmp_path / f"model.ckpt-125000{ending}"), weights)


def test_the_config_must_be_there(tmp_path: Path) -> None:
    write_tf1_checkpoint(tmp_path, TINY, tf1_variables(make_weights(TINY)))
    (tmp_path / "albert_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"albert_config.json is missing; it is published beside the weights"):
        read(tmp_path)


INDEX, DATA = "model.ckpt-best.index", "model.ckpt-best.data-00000-of-00001"


@pytest.mark.parametrize(
    ("part", "damage"),
    [(INDEX, "truncated"), (INDEX, "garbled"), (DATA, "truncated"), (DATA, "garbled"), (DATA, "absent")],
)
def test_a_broken_checkpoint_is_named(tmp_path: Path, part: str, damage: str) -> None:
    directory = Path(shutil.copytree(GOLDEN / "albert_tf1" / "shared_layers", tmp_path / "checkpoint"))
    content = (directory / part).read_bytes()
    (directory / part).unlink()
    if damage == "truncated":
        (directory / part).write_bytes(content[: len(content) // 2])
    elif damage == "garbled":
        middle = len(content) // 2
        (directory / part).write_bytes(content[:middle] + b"\x55" * 64 + content[middle + 64 :])
    with pytest.raises(
        CheckpointError,
        match=r"model.ckpt-best(.index is here without its data| can't be read as a TensorFlow checkpoint: )",
    ):
        read(directory)


@pytest.mark.parametrize("scope", ["bert/", "module/bert/", "albert/", "", "student/bert/"])
def test_a_scope_is_taken_off(tmp_path: Path, scope: str) -> None:
    weights = dict(make_weights(TINY))
    write_tf1_checkpoint(tmp_path, TINY, {f"{scope}{name}": value for name, value in weights.items()})
    assert_same_weights(dict(read_tf1_checkpoint(str(tmp_path / "model.ckpt-best"), TINY).weights), weights)
