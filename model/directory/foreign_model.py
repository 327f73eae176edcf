"""Models that are mistaken for this project's: each gets one sentence that names it and says what to give instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from albert_embed.model.directory.saved_model_graph import read_saved_model_graph
from albert_embed.transforms.files.json_object import read_json_object

# Weights of the same models in files that this project doesn't read: pattern → what it is.
_OTHER_WEIGHT_FILES = {
    "tf_model.h5": "Keras weights of transformers",
    "*.h5": "Keras weights",
    "*.keras": "a Keras model",
    "*.msgpack": "Flax weights",
    "*.onnx": "an ONNX graph",
    "*.gguf": "llama.cpp weights",
    "*.ot": "weights for Rust",
    "*.tflite": "a TensorFlow Lite model",
    "openvino_model.xml": "an OpenVINO graph",
    "*.safetensors": "under another name than model.safetensors (rename it if it is the whole model)",
    "*.pt": "a PyTorch file of no fixed form",
    "*.pth": "a PyTorch file of no fixed form",
    "*.ckpt": "a PyTorch or Lightning file of no fixed form",
}
# What SentencePiece models are called, if not by one of the names that releases have.
SENTENCEPIECE_FILES = ("*.model", "*.spm")
_GET_ALBERT = "get one of ALBERT's own (google/albert_base/2 of TF Hub, its checkpoint, or albert-base-v2)"


class ForeignModelError(ValueError):
    """What was given is a model, but not one that this project reads."""


def refuse_foreign_model(directory: Path) -> None:
    """Refuses a directory that is known to hold something other than an ALBERT with a SentencePiece vocabulary.

    Raises:
      ForeignModelError: if it does; the message says what it is, and what to give instead.
    """
    if (directory / "saved_model.pb").exists():
        refuse_foreign_saved_model(directory)
    if (directory / "adapter_config.json").exists() and not list(directory.glob("model*.safetensors")):
        raise ForeignModelError(
            f"{directory} is an adapter (adapter_config.json), which holds only what was trained on top of a model; "
            "merge it into its model first (peft: merge_and_unload) and save that"
        )
    _refuse_other_architecture(directory)
    if (directory / "bert_config.json").exists() or list(directory.glob("bert_model.ckpt*")):
        raise ForeignModelError(f"{directory} is a BERT checkpoint (bert_config.json), not an ALBERT; {_GET_ALBERT}")
    refuse_word_pieces(directory)


def refuse_foreign_saved_model(directory: Path) -> None:
    """Refuses a SavedModel that is neither one of TF1 Hub's ALBERT modules nor an export of this project.

    Raises:
      ForeignModelError: if it is neither; see `refuse_foreign_model`.
    """
    if _word_piece_files(directory / "assets"):
        raise ForeignModelError(
            f"{directory} is a BERT (its vocabulary, assets/vocab.txt, is of WordPiece), not an ALBERT; {_GET_ALBERT}"
        )
    inputs = _signature_inputs(directory)
    if "input_word_ids" in inputs:
        raise ForeignModelError(
            f"{directory} is a TF2 SavedModel as albert_en_base/3 is (its inputs are called input_word_ids and "
            "input_type_ids), which can't be read; get the TF1 module of the same weights, google/albert_base/2 or /3, "
            "or their checkpoint"
        )


def refuse_word_pieces(directory: Path) -> None:
    """Refuses an ALBERT with a WordPiece vocabulary, such as the Chinese and Korean ones.

    Raises:
      ForeignModelError: if the vocabulary is `vocab.txt`.
    """
    word_pieces = _word_piece_files(directory)
    if word_pieces and not any(list(directory.glob(pattern)) for pattern in SENTENCEPIECE_FILES):
        raise ForeignModelError(
            f"{directory} is an ALBERT whose vocabulary is of WordPiece ({word_pieces[0].name}), as the Chinese ones "
            "have; only those with a SentencePiece vocabulary (30k-clean.model, spiece.model) can be embedded with"
        )


def name_other_weights(directory: Path) -> str | None:
    """Returns what the weights in `directory` are, if they are only in files that are not read; None if not known."""
    for pattern, meaning in _OTHER_WEIGHT_FILES.items():
        for file in sorted(directory.glob(pattern)):
            return f"{file.name}, {meaning}"
    return None


def name_foreign_weights(names: Iterable[str]) -> str | None:
    """Returns which other architecture has weights of these names; None if not known."""
    names = list(names)
    if "_CHECKPOINTABLE_OBJECT_GRAPH" in names:
        return "a TF2 checkpoint (of Keras or the Model Garden); only TF1's, by variable names, are read"
    if any("encoder/layer_shared" in name for name in names):
        return "the albert_zh repository's, another implementation with a Chinese WordPiece vocabulary"
    if any("encoder/layer_0/" in name or "encoder.layer.0." in name for name in names):
        return "BERT's or those of another model with weights of its own in each layer, not ALBERT's"
    if any(".lora_" in name for name in names):
        return "those of a LoRA adapter; merge it into its model first (peft: merge_and_unload) and save that"
    return None


def _refuse_other_architecture(directory: Path) -> None:
    file = directory / "config.json"
    fields = _read_object(file)
    named = [f"model_type {fields['model_type']!r}"] if fields.get("model_type", "albert") != "albert" else []
    architectures = fields.get("architectures") or []
    if "model_type" not in fields and isinstance(architectures, list):
        named = [str(name) for name in architectures if "albert" not in str(name).lower()]
    if named:
        raise ForeignModelError(f"{directory} is another model ({file.name}: {named[0]}), not an ALBERT; {_GET_ALBERT}")


def _read_object(file: Path) -> dict[str, Any]:
    """Returns the JSON object in `file`, or an empty one: its reader says what is wrong with it."""
    try:
        return read_json_object(file)
    except (FileNotFoundError, ValueError):
        return {}


def _word_piece_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("vocab*.txt"))


def _signature_inputs(directory: Path) -> Collection[str]:
    """Returns the names of all signatures' inputs; none where the SavedModel is broken, which loading it reports."""
    try:
        graph = read_saved_model_graph(directory)
    except ValueError:
        return ()
    return {
        name
        for meta_graph in graph.meta_graphs
        for signature in meta_graph.signature_def.values()
        for name in signature.inputs
    }
