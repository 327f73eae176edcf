"""`export_model` from every kind of source: what it writes, what it says of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import albert_embed
from albert_embed.model.architecture.agreement import Agreement, compare_outputs
from albert_embed.model.architecture.precision import Precision
from albert_embed.model.directory.model_directory import fingerprint_model, load_saved_model, open_model_directory
from albert_embed.model.export.export import export_model
from albert_embed.model.export.model_card import format_model_card
from tests.model.checkpoints import (
    huggingface_tensors,
    tf1_variables,
    write_huggingface_checkpoint,
    write_tf1_checkpoint,
)
from tests.tiny_model import GOLDEN, TINY, make_inputs, make_weights, replace, vocabulary_bytes, write_module

# Most of them run a source's own program in a process of its own: seconds each.
pytestmark = pytest.mark.integration

OUTPUTS = {"pooled_output", "pooled_output_alone", "sequence_output"}


def run(directory: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    tokens = load_saved_model(directory).signatures["tokens"]
    outputs = tokens(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in outputs.items()}


def assert_agree(first: Path, second: Path, tolerance: float = 1e-5) -> None:
    inputs = make_inputs(TINY, [40, 21, 3, 2])
    agreements = compare_outputs(run(first, inputs), run(second, inputs), inputs["input_mask"])
    assert agreements.keys() == {"pooled_output", "sequence_output"}
    assert largest_difference(agreements) <= tolerance, agreements


def largest_difference(agreements: dict[str, Agreement]) -> float:
    return max(agreement.largest_difference for agreement in agreements.values())


def test_a_tf1_checkpoint(tmp_path: Path, tiny_module: Path) -> None:
    write_tf1_checkpoint(tmp_path / "source", TINY, tf1_variables(make_weights(TINY)))
    (tmp_path / "source" / "30k-clean.model").write_bytes(vocabulary_bytes())
    report = export_model(source=str(tmp_path / "source"), output=tmp_path / "out")
    assert (report.source_format, report.precision) == ("tf1_checkpoint", "float32")
    assert report.proof.source == {}
    assert report.proof.source_not_run == "a TF1 checkpoint holds weights and no program"
    assert report.proof.float32.keys() == OUTPUTS
    assert largest_difference(report.proof.float32) <= 1e-5  # the same kernels, rounded otherwise: 1.01e-6 with AVX-512
    model = open_model_directory(tmp_path / "out")
    assert model.config == TINY and model.lower_case is True
    assert model.vocabulary_file.read_bytes() == vocabulary_bytes()
    assert model.fingerprint == report.fingerprint
    assert_agree(tmp_path / "out", tiny_module)


def test_a_hugging_face_checkpoint(tmp_path: Path, vocabulary_file: Path, tiny_module: Path) -> None:
    write_huggingface_checkpoint(tmp_path / "source", TINY, huggingface_tensors(make_weights(TINY), prefix="albert."))
    report = export_model(source=str(tmp_path / "source"), output=tmp_path / "out", vocabulary_file=vocabulary_file)
    assert report.source_format == "huggingface"
    if report.proof.source_not_run is not None:
        assert report.proof.source_not_run == "PyTorch and transformers, which can run it, are not installed"
    else:
        assert largest_difference(report.proof.source) <= 1e-5
    assert_agree(tmp_path / "out", tiny_module)


def test_a_model_without_a_pooler(tmp_path: Path, vocabulary_file: Path, tiny_module: Path) -> None:
    """As transformers saves models for masked words, tokens and answers."""
    weights = {name: value for name, value in make_weights(TINY).items() if "pooler" not in name}
    tensors = {**huggingface_tensors(weights, prefix="albert."), "qa_outputs.bias": np.ones(2, np.float32)}
    write_huggingface_checkpoint(tmp_path / "source", TINY, tensors)
    output = tmp_path / "out"
    report = export_model(source=str(tmp_path / "source"), output=output, vocabulary_file=vocabulary_file)
    assert report.notes == (
        "1 tensor outside the encoder is skipped: qa_outputs.bias",
        "there is no pooler among the weights: the export gives no pooled output",
    )
    assert json.loads((output / "export.json").read_text())["notes"] == list(report.notes)
    assert report.proof.float32.keys() == {"sequence_output"}
    assert open_model_directory(output).outputs == {"sequence_output"}
    assert sorted(load_saved_model(output).signatures) == ["serving_default", "tokenization_info", "tokens"]
    inputs = make_inputs(TINY, [40, 21, 3, 2])
    agreements = compare_outputs(run(output, inputs), run(tiny_module, inputs), inputs["input_mask"])
    assert agreements.keys() == {"sequence_output"} and largest_difference(agreements) <= 1e-5


SLOW = pytest.mark.integration


@pytest.mark.parametrize(
    "changes",
    [
        {},
        pytest.param({"hidden_act": "relu"}, marks=SLOW),
        pytest.param({"embedding_size": 16}, marks=SLOW),
        pytest.param({"inner_group_num": 2}, marks=SLOW),
    ],
    ids=str,
)
def test_a_hub_module_is_run_and_compared(tmp_path: Path, changes: dict[str, object]) -> None:
    config = replace(TINY, **changes)
    write_module(tmp_path / "module", config)
    report = export_model(source=str(tmp_path / "module"), output=tmp_path / "out")
    assert report.source_format == "tf1_hub" and report.proof.source_not_run is None
    assert report.proof.source.keys() == OUTPUTS
    assert largest_difference(report.proof.source) <= 1e-5
    assert open_model_directory(tmp_path / "out").config == config


def test_a_cased_module_stays_cased(tmp_path: Path) -> None:
    write_module(tmp_path / "module", lower_case=False)
    export_model(source=str(tmp_path / "module"), output=tmp_path / "out", cased=True)
    assert open_model_directory(tmp_path / "out").lower_case is False


@pytest.mark.parametrize("inside", ["albert_tiny/", pytest.param("", marks=SLOW)], ids=["folder", "root"])
def test_an_archive(tmp_path: Path, vocabulary_file: Path, inside: str, tiny_module: Path) -> None:
    write_tf1_checkpoint(tmp_path / "source", TINY, tf1_variables(make_weights(TINY)))
    shutil.copy(vocabulary_file, tmp_path / "source" / "30k-clean.model")
    with tarfile.open(tmp_path / "albert.tar.gz", "w:gz") as archive:
        for file in (tmp_path / "source").iterdir():
            archive.add(file, arcname=f"{inside}{file.name}")
    report = export_model(source=str(tmp_path / "albert.tar.gz"), output=tmp_path / "out")
    assert report.source_format == "tf1_checkpoint"
    assert_agree(tmp_path / "out", tiny_module)


@pytest.mark.integration
def test_an_archive_of_a_hub_module(tmp_path: Path, tiny_module: Path) -> None:
    with tarfile.open(tmp_path / "albert.tar.gz", "w:gz") as archive:
        archive.add(tiny_module, arcname=".")
    report = export_model(source=str(tmp_path / "albert.tar.gz"), output=tmp_path / "out")
    assert report.source_format == "tf1_hub" and report.proof.source.keys() == OUTPUTS
    assert_agree(tmp_path / "out", tiny_module)


@pytest.mark.parametrize("case", [pytest.param("albert_tf1/groups2", marks=SLOW), "albert_hf/gelu_erf"])
def test_a_golden_checkpoint_through_export(tmp_path: Path, case: str) -> None:
    """The whole way from published file to SavedModel computes what the original does."""
    (tmp_path / "v.model").write_bytes(vocabulary_bytes(1000))
    export_model(source=str(GOLDEN / case), output=tmp_path / "out", vocabulary_file=tmp_path / "v.model")
    with np.load(GOLDEN / case / "expected.npz") as expected:
        inputs = {name: expected[name] for name in ("input_ids", "input_mask", "segment_ids")}
        agreements = compare_outputs(run(tmp_path / "out", inputs), dict(expected), inputs["input_mask"])
    assert agreements.keys() == {"pooled_output", "sequence_output"}
    assert largest_difference(agreements) <= 1e-5


@pytest.mark.parametrize(("precision", "most"), [("bfloat16", 0.25), pytest.param("float16", 0.02, marks=SLOW)])
def test_a_lower_precision_is_compared_with_both(
    tmp_path: Path, tiny_module: Path, precision: Precision, most: float
) -> None:
    report = export_model(source=str(tiny_module), output=tmp_path / "out", precision=precision)
    assert report.precision == precision == open_model_directory(tmp_path / "out").precision
    for agreements in (report.proof.source, report.proof.float32):
        assert agreements.keys() == OUTPUTS
        assert 1e-5 < largest_difference(agreements) <= most
    assert_agree(tmp_path / "out", tiny_module, tolerance=most)


def assert_takes_tokens(tokens: Any) -> None:
    inputs = tokens.structured_input_signature[1]
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in inputs.items()} == {
        name: (tf.int32, [None, None]) for name in ("input_ids", "input_mask", "segment_ids")
    }
    assert {name: spec.dtype for name, spec in tokens.structured_outputs.items()} == {
        "pooled_output": tf.float32,
        "sequence_output": tf.float32,
    }


def test_the_signatures_are_those_of_the_contract(tiny_model: Path) -> None:
    signatures = load_saved_model(tiny_model).signatures
    assert sorted(signatures) == ["pooled", "serving_default", "tokenization_info", "tokens"]
    for name in ("tokens", "serving_default"):
        assert_takes_tokens(signatures[name])
    outputs = run(tiny_model, make_inputs(TINY, [7, 3]))
    assert {name: value.shape for name, value in outputs.items()} == {
        "pooled_output": (2, 16),
        "sequence_output": (2, 7, 16),
    }
    assert sorted(file.name for file in (tiny_model / "assets").iterdir()) == ["albert_config.json", "spiece.model"]


def test_what_the_export_says_of_itself(tmp_path: Path, tiny_module: Path) -> None:
    report = export_model(source=str(tiny_module), output=tmp_path / "out", precision="bfloat16")
    assert json.loads((tmp_path / "out" / "export.json").read_text()) == {
        "source": str(tiny_module),
        "source_format": "tf1_hub",
        "license": None,
        "precision": "bfloat16",
        "int8": None,
        "lower_case": True,
        "comma_rule": "albert",
        "trained_dimensions": [],
        "vocabulary_sha256": hashlib.sha256(vocabulary_bytes()).hexdigest(),
        "proof": {
            "compared_on": "8 English texts, 417 tokens",
            "source": {name: dataclasses.asdict(agreement) for name, agreement in report.proof.source.items()},
            "source_not_run": None,
            "float32": {name: dataclasses.asdict(agreement) for name, agreement in report.proof.float32.items()},
            "accepted_errors": [],
        },
        "fingerprint": fingerprint_model(tmp_path / "out"),
        "notes": ["1 tensor outside the encoder is skipped: cls/predictions/output_bias"],
        "versions": {"albert-embed": albert_embed.__version__, "tensorflow": tf.__version__},
    }
    assert (tmp_path / "out" / "README.md").read_text() == format_model_card(report)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert sorted(os.listdir(tmp_path / "out")) == [
        "README.md",
        "assets",
        "export.json",
        "fingerprint.pb",
        "saved_model.pb",
        "variables",
    ]
