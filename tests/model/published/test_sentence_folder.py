"""Folders of sentence-transformers: what they compute becomes `sentence_embedding`."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file

from albert_embed.model.architecture.encoder import AlbertEncoder
from albert_embed.model.architecture.sentence_modules import DenseLayer, Normalize
from albert_embed.model.directory.model_directory import open_model_directory
from albert_embed.model.export.export import export_model
from albert_embed.model.hosting.choose_engine import EngineName
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.published.published_model import PublishedModel, open_published_model
from albert_embed.model.published.sentence_folder import SentenceFolderError, read_sentence_folder
from tests.tiny_model import GOLDEN

MODELS = GOLDEN / "made_by_tools"
TOLERANCE = 1e-5
NEEDS_TOKENIZERS = pytest.mark.skipif(
    importlib.util.find_spec("tokenizers") is None, reason="tokenizers is not installed: the extra huggingface"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a folder as sentence-transformers wrote it: mean pooling, Dense with tanh, Normalize."""
    return Path(shutil.copytree(MODELS / "sentences_mean", tmp_path / "folder"))


def edit_json(path: Path, edit: Callable[[Any], object]) -> None:
    fields = json.loads(path.read_text())
    edit(fields)
    path.write_text(json.dumps(fields))


def replace_all(fields: dict[str, Any], **values: Any) -> None:
    fields.clear()
    fields.update(values)


def encode(published: PublishedModel, expected: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns the sentence embeddings of the ids in `expected`, and those that sentence-transformers gave."""
    with np.load(expected) as arrays:
        ids, mask, sentence = (arrays[name] for name in ("input_ids", "attention_mask", "sentence_embedding"))
    encoder = AlbertEncoder(published.config, published.read_weights().weights, sentence=published.sentence)
    outputs = encoder.encode(tf.constant(ids), tf.constant(mask), tf.zeros_like(ids))
    assert encoder.output_names == ("pooled_output", "sequence_output", "sentence_embedding")
    assert not mask.all()  # there is padding, or the case would prove less
    return outputs["sentence_embedding"].numpy(), sentence


@pytest.mark.parametrize("name", ["sentences_mean", "sentences_cls"])
def test_the_sentence_embedding_is_that_of_sentence_transformers(name: str, vocabulary_file: Path) -> None:
    with open_published_model(str(MODELS / name), vocabulary_file=vocabulary_file) as published:
        found, expected = encode(published, MODELS / name / "expected.npz")
    assert found.dtype == np.float32 and found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE


def test_the_old_layout(folder: Path, vocabulary_file: Path) -> None:
    """As version 0.3 to 2 wrote it: the model in `0_Transformer`, other names of modules and of the pooling."""
    (folder / "0_Transformer").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).rename(folder / "0_Transformer" / name)
    (folder / "sentence_bert_config.json").unlink()
    limits = {"max_seq_length": 24, "do_lower_case": True}
    (folder / "0_Transformer" / "sentence_bert_config.json").write_text(json.dumps(limits))
    kinds = ["0_Transformer", "1_Pooling", "2_Dense", "3_Normalize"]
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{path[2:]}"}
                for place, path in enumerate(kinds)
            ]
        )
    )
    modes = {f"pooling_mode_{name}": name == "mean_tokens" for name in ("cls_token", "mean_tokens", "max_tokens")}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 16, **modes}))
    with open_published_model(str(folder), vocabulary_file=vocabulary_file) as published:
        found, expected = encode(published, folder / "expected.npz")
        assert (published.max_tokens, published.tokenizer.lower_case) == (24, True)
    assert np.abs(found - expected).max() <= TOLERANCE


@NEEDS_TOKENIZERS
def test_the_export_has_it_with_its_limit_and_its_rule(folder: Path, tmp_path: Path, engine_name: EngineName) -> None:
    report = export_model(source=str(folder), output=tmp_path / "out")
    assert report.notes[0] == "sentence-transformers: mean pooling, dense 16 → 6, normalised; at most 16 tokens"
    assert report.proof.float32["sentence_embedding"].largest_difference <= TOLERANCE
    model = open_model_directory(tmp_path / "out")
    assert model.outputs == {"pooled_output", "sequence_output", "sentence_embedding"}
    assert (model.sentence_size, model.max_tokens, model.comma_rule) == (6, 16, "huggingface")
    engine = AlbertModelHandler(str(tmp_path / "out"), embeddings=("sentence",), engine=engine_name).load_model()
    with np.load(folder / "expected.npz") as arrays:
        inputs = {"input_ids": arrays["input_ids"], "input_mask": arrays["attention_mask"]}
        inputs["segment_ids"] = np.zeros_like(inputs["input_ids"])
        found = engine.run(inputs, {"sentence_embedding"})["sentence_embedding"]
        assert np.abs(found - arrays["sentence_embedding"]).max() <= TOLERANCE


def test_a_model_without_it_refuses_it_with_the_reason(tiny_model: Path) -> None:
    with pytest.raises(ValueError) as error:
        AlbertModelHandler(str(tiny_model), embeddings=("sentence",)).load_model()
    assert str(error.value) == (
        f"--embeddings sentence: the model {tiny_model} has no sentence_embedding, because it was not exported from a "
        "folder of sentence-transformers; choose pooled or sequence or mean"
    )


@pytest.mark.parametrize("activation", ["Identity", "Tanh", "ReLU", "GELU", "Sigmoid"])
def test_each_activation_of_a_dense_layer_is_read(folder: Path, activation: str) -> None:
    name = f"torch.nn.modules.activation.{activation}"
    edit_json(folder / "2_Dense" / "config.json", lambda fields: fields.update(activation_function=name))
    dense, normalize = read_sentence_folder(folder).modules.steps
    assert isinstance(dense, DenseLayer) and isinstance(normalize, Normalize)
    assert dense.activation == activation.lower() and dense.kernel.shape == (16, 6)


@pytest.mark.parametrize(
    ("file", "edit", "message"),
    [
        (
            "modules.json",
            lambda fields: fields[2].update(type="sentence_transformers.models.CNN"),
            r"modules.json names the module CNN, which an export can't take over; it knows Transformer, Pooling",
        ),
        (
            "modules.json",
            lambda fields: fields[2].update(type="my_package.Attention"),
            r"names the module 'my_package.Attention', which is not one of sentence-transformers' own",
        ),
        ("modules.json", lambda fields: fields.pop(1), r"names Transformer, Dense, Normalize; an export needs"),
        (
            "1_Pooling/config.json",
            lambda fields: fields.update(pooling_mode="max"),
            r"the pooling is max; an expo",
        ),
        (
            "1_Pooling/config.json",
            lambda fields: fields.update(pooling_mode=["cls", "mean"]),
            r"the pooling is cls, mean; an export can take over mean or cls, alone",
        ),
        (
            "2_Dense/config.json",
            lambda fields: fields.update(activation_function="torch.nn.modules.activation.Mish"),
            r"activation_function is 'torch.nn.modules.activation.Mish'; known are Identity, Tanh, ReLU, GELU, Sigmoid",
        ),
        (
            "2_Dense/config.json",
            lambda fields: fields.update(use_residual=True),
            r"use_residual is True; only",
        ),
        *(
            ("1_Pooling/config.json", edit, f"the pooling is {found}; an export can take over mean or cls, alone")
            for edit, found in (
                # A mode that is not switched off is on: sentence-transformers' default is the mean.
                (lambda fields: replace_all(fields, pooling_mode_cls_token=True), "mean, cls"),
                (lambda fields: replace_all(fields, pooling_mode_mean_tokens=False), "none"),
            )
        ),
        *(
            ("2_Dense/config.json", edit, message)
            for edit, message in (
                (lambda fields: fields.update(in_features=8), "in_features is 8, and the weights in .* say 16"),
                (lambda fields: fields.update(out_features=8), "out_features is 8, and the weights in .* say 6"),
                (lambda fields: fields.update(bias=False), "bias is False, and the weights in .* say True"),
                (lambda fields: fields.update(module_output_name="x"), "module_output_name is 'x'; only 'sentence_emb"),
            )
        ),
        *(
            ("sentence_bert_config.json", edit, message)
            for edit, message in (
                (
                    lambda fields: fields.update(max_seq_length=2),
                    "max_seq_length must be an integer of at least 3, .* 2;",
                ),
                (lambda fields: fields.update(max_seq_length="16"), "max_seq_length must be an integer of .* not '16'"),
                (lambda fields: fields.update(max_seq_length=True), "max_seq_length must be an integer of .* not True"),
                (lambda fields: fields.update(do_lower_case="no"), "do_lower_case must be true or false, not 'no'"),
            )
        ),
        (
            "modules.json",
            lambda fields: fields[2].update(path="../2_Dense"),
            "the folder '../2_Dense', which lies outs",
        ),
        (
            "config_sentence_transformers.json",
            lambda fields: fields.update(default_prompt_name="query", prompts=["query: "]),
            r"prompts must be a JSON object, not \['query: '\]",
        ),
        (
            "config_sentence_transformers.json",
            lambda fields: fields.update(default_prompt_name="query", prompts={"query": "query: "}),
            r"the prompt 'query: ' is put before every text",
        ),
    ],
)
def test_what_an_export_can_not_take_over_is_refused(
    folder: Path, file: str, edit: Callable[[Any], object], message: str
) -> None:
    edit_json(folder / file, edit)
    with pytest.raises(SentenceFolderError, match=message):
        read_sentence_folder(folder)


def test_a_pooling_that_says_nothing_is_the_mean(folder: Path) -> None:
    edit_json(folder / "1_Pooling" / "config.json", lambda fields: replace_all(fields, word_embedding_dimension=16))
    assert read_sentence_folder(folder).modules.pooling == "mean"


def test_a_dense_layer_of_another_width_is_refused(folder: Path) -> None:
    weights = {"linear.weight": np.ones((6, 8), np.float32), "linear.bias": np.ones(6, np.float32)}
    save_file(weights, folder / "2_Dense" / "model.safetensors")
    edit_json(folder / "2_Dense" / "config.json", lambda fields: fields.update(in_features=8))
    with (
        pytest.raises(
            SentenceFolderError, match=r"a dense layer takes vectors of 8 values, and what comes .* gives 16;"
        ),
        open_published_model(str(folder)),
    ):
        pass


@pytest.mark.parametrize(("weight", "bias"), [((6, 16), (5,)), ((6,), (6,))])
def test_weights_that_are_not_of_one_dense_layer(folder: Path, weight: tuple[int, ...], bias: tuple[int, ...]) -> None:
    weights = {"linear.weight": np.ones(weight, np.float32), "linear.bias": np.ones(bias, np.float32)}
    save_file(weights, folder / "2_Dense" / "model.safetensors")
    edit_json(folder / "2_Dense" / "config.json", lambda fields: replace_all(fields))
    with pytest.raises(
        SentenceFolderError, match=r"linear.weight is \[6.* and linear.bias \[[56]\], which are not those"
    ):
        read_sentence_folder(folder)


@pytest.mark.parametrize("missing", ["1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors"])
def test_a_folder_that_is_not_whole(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(SentenceFolderError, match=r"is missing; was the folder|holds no model.safetensors"):
        read_sentence_folder(folder)


@pytest.mark.parametrize(
    "name",
    ["1_Pooling/config.json", "2_Dense/config.json", "sentence_bert_config.json", "config_sentence_transformers.json"],
)
def test_a_file_that_holds_no_object_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("[1]")
    with pytest.raises(SentenceFolderError, match=rf"^{folder / name} must hold a JSON object, not list$"):
        read_sentence_folder(folder)


def test_a_file_that_is_no_json_is_named(folder: Path) -> None:
    (folder / "modules.json").write_text("[")
    with pytest.raises(
        SentenceFolderError, match=rf"^{folder}/modules\.json is not a JSON file: Expecting value: line 1"
    ):
        read_sentence_folder(folder)
