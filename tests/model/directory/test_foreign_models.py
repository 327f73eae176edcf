"""What is not this project's model is named in one sentence, and what to give instead."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.model.architecture.weights import CheckpointError
from albert_embed.model.directory.foreign_model import ForeignModelError
from albert_embed.model.directory.model_directory import open_model_directory
from albert_embed.model.directory.stand_ins import StandInError
from albert_embed.model.published.published_model import open_published_model
from tests.model.checkpoints import (
    huggingface_tensors,
    tf1_variables,
    write_huggingface_checkpoint,
    write_huggingface_config,
    write_tf1_checkpoint,
)
from tests.tiny_model import TINY, make_weights

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 46747112\n"


def write_huggingface(directory: Path) -> None:
    write_huggingface_checkpoint(directory, TINY, huggingface_tensors(make_weights(TINY)))


def write_tf1(directory: Path) -> None:
    write_tf1_checkpoint(directory, TINY, tf1_variables(make_weights(TINY)))


def read_source(directory: Path) -> None:
    with open_published_model(str(directory)) as published:
        published.read_weights()


def change_config(directory: Path, **fields: object) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize("write", [write_huggingface, write_tf1])
@pytest.mark.parametrize("name", ["vocab.txt", "vocab_chinese.txt"])
def test_an_albert_of_word_pieces(tmp_path: Path, write: Callable[[Path], None], name: str) -> None:
    write(tmp_path)
    (tmp_path / name).write_text("[PAD]\n[UNK]\n")
    with pytest.raises(ForeignModelError) as error:
        read_source(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} is an ALBERT whose vocabulary is of WordPiece ({name}), as the Chinese ones have; only those with "
        "a SentencePiece vocabulary (30k-clean.model, spiece.model) can be embedded with"
    )
    (tmp_path / "spiece.model").write_bytes(b"x")  # with a SentencePiece model beside it, it is only a leftover
    read_source(tmp_path)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"model_type": "bert"}, "model_type 'bert'"),
        ({"model_type": "roberta", "architectures": ["RobertaModel"]}, "model_type 'roberta'"),
        ({"architectures": ["BertForMaskedLM"]}, "BertForMaskedLM"),
    ],
)
def test_another_architecture(tmp_path: Path, fields: dict[str, object], named: str) -> None:
    write_huggingface(tmp_path)
    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    own = json.loads((tmp_path / "config.json").read_text())
    del own["model_type"]
    (tmp_path / "config.json").write_text(json.dumps({**own, **fields}))
    with pytest.raises(ForeignModelError) as error:
        read_source(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} is another model (config.json: {named}), not an ALBERT; get one of ALBERT's own "
        "(google/albert_base/2 of TF Hub, its checkpoint, or albert-base-v2)"
    )


def test_a_bert_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "bert_config.json").write_text("{}")
    (tmp_path / "bert_model.ckpt.index").write_bytes(b"x")
    with pytest.raises(
        ForeignModelError, match=r"is a BERT checkpoint \(bert_config.json\), not an ALBERT; get one of"
    ):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("bert/encoder/layer_0/attention/self/query/kernel", "these weights are BERT's or those of another model"),
        ("bert/encoder/layer_shared/attention/self/query/kernel", "these weights are the albert_zh repository's"),
        ("_CHECKPOINTABLE_OBJECT_GRAPH", r"these weights are a TF2 checkpoint \(of Keras or the Model Garden\)"),
    ],
)
def test_tf1_weights_that_are_not_an_alberts(tmp_path: Path, name: str, named: str) -> None:
    write_tf1_checkpoint(tmp_path, TINY, {name: np.zeros(2, np.float32)})
    with pytest.raises(CheckpointError, match=rf"^{tmp_path}/model.ckpt-best: {named}"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("bert.encoder.layer.0.attention.self.query.weight", "these weights are BERT's or those of another model"),
        (
            "base_model.model.albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.lora_A.default.weight",
            "these weights are those of a LoRA adapter; merge it into its model first",
        ),
    ],
)
def test_hugging_face_weights_that_are_not_an_alberts(tmp_path: Path, name: str, named: str) -> None:
    write_huggingface_checkpoint(tmp_path, TINY, {name: np.zeros(2, np.float32)})
    with pytest.raises(CheckpointError, match=rf"^{tmp_path}/model.safetensors: {named}"):
        read_source(tmp_path)


def test_an_adapter(tmp_path: Path) -> None:
    write_huggingface_config(tmp_path, TINY)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(
        ForeignModelError, match=r"is an adapter \(adapter_config.json\).* merge it into its model first"
    ):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("tf_model.h5", "tf_model.h5, Keras weights of transformers"),
        ("flax_model.msgpack", "flax_model.msgpack, Flax weights"),
        ("model.onnx", "model.onnx, an ONNX graph"),
        ("best.pth", "best.pth, a PyTorch file of no fixed form"),
        (
            "model.fp16.safetensors",
            r"model.fp16.safetensors, under another name than model.safetensors \(rename it if .*",
        ),
    ],
)
def test_weights_of_another_kind(tmp_path: Path, name: str, named: str) -> None:
    write_huggingface_config(tmp_path, TINY)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(
        CheckpointError, match=rf"holds its weights as {named}; get the model.safetensors of the same model$"
    ):
        read_source(tmp_path)


def write_tf2_encoder(directory: Path) -> None:
    """A SavedModel with the names of albert_en_base/3: Keras inputs, the vocabulary among its assets."""

    class Encoder(tf.Module):  # type: ignore[misc]
        """Its inputs are what counts."""

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[
                {
                    name: tf.TensorSpec([None, None], tf.int32, name=name)
                    for name in ("input_word_ids", "input_mask", "input_type_ids")
                }
            ]
        )
        def __call__(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            return {"pooled_output": tf.cast(inputs["input_word_ids"], tf.float32)}

    encoder = Encoder()
    tf.saved_model.save(encoder, str(directory), signatures={"serving_default": encoder.__call__})
    (directory / "assets").mkdir(exist_ok=True)
    (directory / "assets" / "30k-clean.model").write_bytes(b"x")


@pytest.mark.parametrize("open_it", [read_source, open_model_directory], ids=["source", "model"])
def test_a_tf2_saved_model(tmp_path: Path, open_it: Callable[[Path], object]) -> None:
    write_tf2_encoder(tmp_path / "albert")
    with pytest.raises(ForeignModelError, match=r"is a TF2 SavedModel as albert_en_base/3 is .* get the TF1 module"):
        open_it(tmp_path / "albert")


@pytest.mark.parametrize("open_it", [read_source, open_model_directory], ids=["source", "model"])
def test_a_bert_of_tf_hub(tmp_path: Path, tiny_module: Path, open_it: Callable[[Path], object]) -> None:
    shutil.copytree(tiny_module, tmp_path / "bert")
    (tmp_path / "bert" / "assets" / "vocab.txt").write_text("[PAD]\n")
    with pytest.raises(ForeignModelError, match=r"is a BERT \(its vocabulary, assets/vocab.txt, is of WordPiece\)"):
        open_it(tmp_path / "bert")


def test_an_export_as_a_source(tiny_model: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is already an export of this project; give it to `albert-embed embed`"):
        read_source(tiny_model)


@pytest.mark.parametrize("name", ["model.safetensors", "spiece.model", "pytorch_model.bin", "1_Pooling/config.json"])
def test_a_git_lfs_pointer(tmp_path: Path, name: str) -> None:
    write_huggingface(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(StandInError) as error:
        read_source(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/{name} is a Git LFS pointer: the 46,747,112 bytes of the file itself were never fetched; "
        "run `git lfs install && git lfs pull` in its folder"
    )


def test_a_git_lfs_pointer_in_an_export_and_alone(tmp_path: Path, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "variables" / "variables.data-00000-of-00001").write_bytes(POINTER)
    with pytest.raises(StandInError, match=r"variables.data-00000-of-00001 is a Git LFS pointer"):
        open_model_directory(tmp_path / "model")
    (tmp_path / "albert_base.tar.gz").write_bytes(POINTER)
    with pytest.raises(StandInError, match=r"albert_base.tar.gz is a Git LFS pointer"):
        read_source(tmp_path / "albert_base.tar.gz")


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<html>", b"\n<html lang='en'>", b"<!doctype HTML>"])
def test_a_web_page(tmp_path: Path, page: bytes) -> None:
    write_huggingface(tmp_path)
    (tmp_path / "spiece.model").write_bytes(page)
    with pytest.raises(StandInError, match=r"spiece.model is a web page and not the file of that name; download"):
        read_source(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors.part", "model.safetensors.incomplete", "x.bin.crdownload"])
def test_a_download_that_was_not_finished(tmp_path: Path, name: str) -> None:
    write_huggingface(tmp_path)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(StandInError, match=rf"{name} is a download that was not finished; finish it, or delete it"):
        read_source(tmp_path)


def test_a_link_to_nothing(tmp_path: Path) -> None:
    write_huggingface_config(tmp_path, TINY)
    (tmp_path / "model.safetensors").symlink_to("../../blobs/4f3a")
    with pytest.raises(
        StandInError, match=r"model.safetensors is a link to ../../blobs/4f3a, where there is nothing; "
    ):
        read_source(tmp_path)


def test_half_a_checkpoint(tmp_path: Path) -> None:
    write_tf1(tmp_path)
    index, data = tmp_path / "model.ckpt-best.index", tmp_path / "model.ckpt-best.data-00000-of-00001"
    kept = index.read_bytes()
    index.unlink()
    with pytest.raises(CheckpointError, match=r"is here without its index \(model.ckpt-best.index\); was the checkpo"):
        read_source(tmp_path)
    index.write_bytes(kept)
    data.unlink()
    with pytest.raises(CheckpointError, match=r"is here without its data \(model.ckpt-best.data-00000-of-00001\); was"):
        read_source(tmp_path)
