"""A directory of the model contract: TF1 Hub modules as published, and exports; and what is neither."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.model.directory.hub_module_assets import find_hub_asset
from albert_embed.model.directory.model_directory import (
    ModelDirectoryError,
    fingerprint_model,
    load_saved_model,
    open_model_directory,
)
from tests.tiny_model import TINY, make_inputs, vocabulary_bytes, write_model, write_module


def copy(directory: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(directory, tmp_path / "copy"))


def test_a_module_says_what_it_is(tiny_module: Path) -> None:
    model = open_model_directory(tiny_module)
    assert model.is_hub_module and model.path == tiny_module
    assert model.config == TINY
    assert model.vocabulary_file == tiny_module / "assets" / "30k-clean.model"
    assert model.vocabulary_file.read_bytes() == vocabulary_bytes()
    assert model.lower_case is True and model.precision == "float32"


def test_a_cased_module_says_so(tmp_path: Path) -> None:
    write_module(tmp_path / "module", lower_case=False)
    assert open_model_directory(tmp_path / "module").lower_case is False


def test_a_module_hides_its_paths_as_published_ones_do(tiny_module: Path) -> None:
    information = load_saved_model(tiny_module).signatures["tokenization_info"]()
    assert information["vocab_file"].numpy() == b"SAVEDMODEL-ASSET"
    assert find_hub_asset(tiny_module, "tokenization_info", "vocab_file") == tiny_module / "assets" / "30k-clean.model"
    assert find_hub_asset(tiny_module, "tokenization_info", "do_lower_case") is None
    assert find_hub_asset(tiny_module, "no_such_signature", "vocab_file") is None


def test_a_module_is_loaded_without_dropout(tiny_module: Path) -> None:
    """The tag set {"train"} has dropout; the empty one does not."""
    tokens = load_saved_model(tiny_module).signatures["tokens"]
    inputs = {name: tf.constant(value) for name, value in make_inputs(TINY, [20, 7]).items()}
    first, second = tokens(**inputs)["pooled_output"].numpy(), tokens(**inputs)["pooled_output"].numpy()
    np.testing.assert_array_equal(first, second)


def test_an_export_says_what_it_is(tiny_model: Path) -> None:
    model = open_model_directory(tiny_model)
    assert not model.is_hub_module
    assert model.config == TINY
    assert model.vocabulary_file.read_bytes() == vocabulary_bytes()
    assert model.vocabulary_file.is_relative_to(tiny_model / "assets")
    assert model.lower_case is True and model.precision == "float32"


def test_casing_and_precision_of_an_export(tmp_path: Path) -> None:
    write_model(tmp_path / "model", lower_case=False, precision="bfloat16")
    model = open_model_directory(tmp_path / "model")
    assert model.lower_case is False and model.precision == "bfloat16"


def test_an_export_can_be_moved(tiny_model: Path, tmp_path: Path) -> None:
    moved = copy(tiny_model, tmp_path)
    model = open_model_directory(moved)
    assert model.vocabulary_file.is_relative_to(moved)
    assert model.fingerprint == open_model_directory(tiny_model).fingerprint


def test_the_fingerprint_is_of_the_content(tiny_model: Path, tiny_module: Path, tmp_path: Path) -> None:
    moved = copy(tiny_model, tmp_path)
    first = fingerprint_model(moved)
    assert len(first) == 64 and fingerprint_model(moved) == first == fingerprint_model(tiny_model)
    assert fingerprint_model(tiny_module) != first
    (moved / "export.json").write_text("{}")  # says where it came from, not what it computes
    assert fingerprint_model(moved) == first
    for file in ("assets/albert_config.json", "variables/variables.index", "saved_model.pb"):
        content = (moved / file).read_bytes()
        (moved / file).write_bytes(content + b"\n")
        assert fingerprint_model(moved) != first, file
        (moved / file).write_bytes(content)
    (moved / "assets" / "more").write_bytes(b"")
    assert fingerprint_model(moved) != first


def test_other_weights_have_another_fingerprint(tiny_model: Path, tmp_path: Path) -> None:
    write_model(tmp_path / "model", seed=1)
    assert fingerprint_model(tmp_path / "model") != fingerprint_model(tiny_model)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "",
            r"export\.json is not a JSON file: Expecting value.*; was the directory copied whole\?",
        ),
        ("[1]", r"export\.json must hold a JSON object, not list; was the directory copied whole\?"),
        (
            '{"precision": "int3"}',
            r"export\.json has precision 'int3', and this version knows float32, bfloat16, float16, int8; it "
            "was changed, or a later version wrote it: export the model again$",
        ),
        ('{"precision": ["float32"]}', r"export\.json has precision \['float32'\], and this version knows"),
        (
            '{"trained_dimensions": [4, "6"]}',
            r"export\.json has trained_dimensions \[4, '6'\], and they are a list of positive integers",
        ),
    ],
)
def test_a_broken_description_is_named(tiny_model: Path, tmp_path: Path, content: str, message: str) -> None:
    broken = copy(tiny_model, tmp_path)
    (broken / "export.json").write_text(content)
    with pytest.raises(ModelDirectoryError, match=message):
        open_model_directory(broken)


def test_a_checkpoint_is_sent_to_export(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match=f"^{tmp_path} is an empty directory; --model takes the directory of"):
        open_model_directory(tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelDirectoryError) as error:
        open_model_directory(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds no saved_model.pb; a checkpoint first goes through `albert-embed export --source {tmp_path}`"
    )
    with pytest.raises(ModelDirectoryError, match=r"^there is no directory .*/none; --model takes the directory of"):
        open_model_directory(tmp_path / "none")


def save(folder: Path, **signatures: Any) -> Path:
    module = tf.Module()
    module.functions = list(signatures.values())
    tf.saved_model.save(module, str(folder), signatures=signatures or None)
    return folder


def make_tokens(*names: str) -> Any:
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name=name) for name in names])  # type: ignore[untyped-decorator]
    def tokens(*arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"pooled_output": tf.cast(arguments[0], tf.float32)}

    return tokens


@tf.function(input_signature=[])  # type: ignore[untyped-decorator]
def no_information() -> dict[str, tf.Tensor]:
    return {"vocab_file": tf.constant("/nowhere/30k-clean.model"), "do_lower_case": tf.constant(True)}


def test_a_saved_model_without_the_signatures(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match=r"has no signature 'tokens' \(it has none\); give an ALBERT module"):
        open_model_directory(save(tmp_path / "bare"))
    directory = save(tmp_path / "half", tokens=make_tokens("input_ids"))
    with pytest.raises(ModelDirectoryError, match=r"has no signature 'tokenization_info' \(it has \['tokens'\]\)"):
        open_model_directory(directory)


def test_a_signature_of_other_names(tmp_path: Path) -> None:
    directory = save(
        tmp_path / "other", tokens=make_tokens("ids", "input_mask", "segment_ids"), tokenization_info=no_information
    )
    with pytest.raises(
        ModelDirectoryError, match=r"the signature 'tokens' of .* maps .*'ids'.* to \['pooled_output'\]; the"
    ):
        open_model_directory(directory)


@pytest.mark.parametrize("kind", ["tiny_model", "tiny_module"])
@pytest.mark.parametrize(
    ("asset", "message"),
    [
        ("*.model", "names no vocabulary among its assets .*; was the directory copied whole"),
        ("albert_config.json", "lacks assets/albert_config.json, which says what shape the model has"),
    ],
)
def test_a_missing_asset_is_named(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, asset: str, message: str
) -> None:
    directory = copy(request.getfixturevalue(kind), tmp_path)
    next((directory / "assets").glob(asset)).unlink()
    with pytest.raises(ModelDirectoryError, match=message):
        open_model_directory(directory)


@pytest.mark.parametrize("kind", ["tiny_model", "tiny_module"])
def test_a_broken_saved_model_is_named(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> None:
    directory = copy(request.getfixturevalue(kind), tmp_path)
    content = (directory / "saved_model.pb").read_bytes()
    for damaged in (b"", b"garbage", content[: len(content) // 2]):
        (directory / "saved_model.pb").write_bytes(damaged)
        with pytest.raises(ModelDirectoryError, match="can't be loaded as a SavedModel: "):
            open_model_directory(directory)
    (directory / "saved_model.pb").write_bytes(content)
    data = next((directory / "variables").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(ModelDirectoryError, match="can't be loaded as a SavedModel: "):
        open_model_directory(directory)
