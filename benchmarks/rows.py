"""The rows of the table: what each is, and the command that measures it."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from albert_embed.model.engines.import_openvino import import_openvino
from benchmarks.places import Places

# The row of an environment of its own.
OPENVINO_INT8_PEER = "sentence-transformers-openvino-int8"
# Whose program embeds: this project's whole command, its step in MLTransform, its model alone, or another project.
Kind = Literal["embed", "step", "model", "peer"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One row.

    Attributes:
      key: its name in files and for `--rows`.
      title: its name for people.
      precision: what the matrix multiplications are in.
      kind: whose program it is.
      command: makes the command that embeds a given text file.
      missing: why it can't be measured here, else None.
    """

    key: str
    title: str
    precision: str
    kind: Kind
    command: Callable[[Path], list[str]]
    missing: str | None = None


def make_rows(places: Places) -> list[Row]:
    """Returns all rows, in the table's order; the first is the one that ratios refer to."""
    engines = [
        ("tensorflow", "float32", None),
        ("tensorflow", "bfloat16", None),
        ("openvino", "float32", _why_no_openvino("FP32")),
        ("openvino", "bfloat16", _why_no_openvino("BF16")),
        ("openvino", "int8", _why_no_openvino("INT8") or _why_no_int8_export()),
    ]
    return [
        *(
            Row(
                key=f"embed-{engine}-{precision}",
                title=f"albert-embed embed, {engine}",
                precision=precision,
                kind="embed",
                command=_embed(places, f"embed-{engine}-{precision}", places.export(precision), engine),
                missing=missing,
            )
            for engine, precision, missing in engines
        ),
        Row(
            key="embed-hub-module",
            title="albert-embed embed, TF1 Hub module as published",
            precision="float32",
            kind="embed",
            command=_embed(places, "embed-hub-module", places.hub_module, "tensorflow"),
        ),
        *(
            Row(
                key=f"mltransform-{engine}-{precision}",
                title=f"Beam MLTransform, AlbertEmbeddings, {engine}",
                precision=precision,
                kind="step",
                command=_mltransform(places, engine, precision),
                missing=missing,
            )
            for engine, precision, missing in engines
            if precision == "float32"
        ),
        *(
            Row(
                key=f"model-{engine}-{precision}",
                title=f"the model alone, {engine}, same batches",
                precision=precision,
                kind="model",
                command=_model_alone(places, engine, precision),
                missing=missing,
            )
            for engine, precision, missing in engines
        ),
        *_make_peer_rows(places),
    ]


def _why_no_openvino(capability: str) -> str | None:
    """Returns why the engine openvino can't compute in a precision (OpenVINO's name for it) here; None where it can."""
    if importlib.util.find_spec("openvino") is None:
        return "openvino is not installed in this project's environment (extra openvino)"
    if capability not in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return f"this processor has no {capability} instructions; OpenVINO would compute in float32 instead"
    return None


def _why_no_int8_export() -> str | None:
    if importlib.util.find_spec("nncf") is None:
        return "nncf is not installed in this project's environment (extra int8)"
    return None


def _make_peer_rows(places: Places) -> list[Row]:
    tokenizer = ["--tokenizer", str(places.huggingface / "tokenizer.json")]
    peers = [
        ("sentence-transformers-float32", "sentence-transformers encode", "float32",
         "sentence_transformers_encode", places.huggingface, ["--precision", "float32"]),
        ("sentence-transformers-bfloat16", "sentence-transformers encode", "bfloat16",
         "sentence_transformers_encode", places.huggingface, ["--precision", "bfloat16"]),
        ("transformers", "Hugging Face transformers, arrival order", "float32",
         "transformers_arrival", places.huggingface, []),
        ("onnxruntime", "ONNX Runtime optimized, sorted", "float32",
         "onnxruntime_sorted", places.converted / "optimized.onnx", tokenizer),
        ("openvino-float32", "OpenVINO, sorted", "float32",
         "openvino_sorted", places.converted / "model.xml", [*tokenizer, "--precision", "float32"]),
        ("openvino-bfloat16", "OpenVINO, sorted", "bfloat16",
         "openvino_sorted", places.converted / "model.xml", [*tokenizer, "--precision", "bfloat16"]),
        ("onnxruntime-int8", "ONNX Runtime optimized, dynamic int8, sorted", "int8",
         "onnxruntime_sorted", places.converted / "int8.onnx", tokenizer),
        (OPENVINO_INT8_PEER, "sentence-transformers encode, OpenVINO", "int8",
         "sentence_transformers_openvino", places.openvino_sentences, []),
        ("beam-mltransform", "Beam MLTransform, sentence-transformers", "float32",
         "beam_mltransform", places.huggingface, []),
    ]  # fmt: skip

    def command(key: str, program: str, model: Path, options: list[str]) -> Callable[[Path], list[str]]:
        return lambda corpus: [
            places.openvino_peers_python if key == OPENVINO_INT8_PEER else places.peers_python,
            *("-m", f"benchmarks.peers.{program}"),
            *("--model", str(model)),
            *("--corpus", str(corpus)),
            *("--outcome", str(places.outcome(key))),
            *options,
        ]

    return [
        Row(
            key=key,
            title=title,
            precision=precision,
            kind="peer",
            command=command(key, program, model, options),
        )
        for key, title, precision, program, model, options in peers
    ]


def _embed(places: Places, key: str, model: Path, engine: str) -> Callable[[Path], list[str]]:
    # tensorflow is the default engine: what is measured is what a user types.
    engine_option = [] if engine == "tensorflow" else ["--engine", engine]
    return lambda corpus: [
        places.python,
        *("-m", "albert_embed", "embed"),
        *("--model", str(model)),
        *("--input", str(corpus)),
        *("--output", str(places.published(key))),
        *("--embeddings", "mean,pooled"),
        *engine_option,
    ]


def _mltransform(places: Places, engine: str, precision: str) -> Callable[[Path], list[str]]:
    return lambda corpus: [
        places.python,
        *("-m", "benchmarks.programs.albert_mltransform"),
        *("--model", str(places.export(precision))),
        *("--engine", engine),
        *("--corpus", str(corpus)),
        *("--outcome", str(places.outcome(f"mltransform-{engine}-{precision}"))),
    ]


def _model_alone(places: Places, engine: str, precision: str) -> Callable[[Path], list[str]]:
    return lambda corpus: [
        places.python,
        *("-m", "benchmarks.programs.model_alone"),
        *("--model", str(places.export(precision))),
        *("--engine", engine),
        *("--tokens", str(places.tokens)),
        *("--huggingface", str(places.huggingface)),
        *("--outcome", str(places.outcome(f"model-{engine}-{precision}"))),
    ]
