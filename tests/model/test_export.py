"""`export_model` from every kind of source: what it writes, what it says of it."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.model.encoder import Precision
from albert_embed.model.export import export_model, largest_differences, sample_inputs
from albert_embed.model.model_directory import load_saved_model, open_model_directory
from tests.model.checkpoints import (
    huggingface_tensors,
    tf1_variables,
    write_huggingface_checkpoint,
    write_tf1_checkpoint,
)
from tests.tiny_model import GOLDEN, TINY, make_inputs, make_weights, replace, vocabulary_bytes, write_module


def run(directory: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    tokens = load_saved_model(directory).signatures["tokens"]
    outputs = tokens(**{name: tf.constant(value) for name, value in inputs.items()})
    return {name: value.numpy() for name, value in outputs.items()}


def assert_agree(first: Path, second: Path, tolerance: float = 1e-5) -> None:
    inputs = make_inputs(TINY, [40, 21, 3, 2])
    differences = largest_differences(run(first, inputs), run(second, inputs), inputs)
    assert max(differences.values()) <= tolerance, differences


def test_a_tf1_checkpoint(tmp_path: Path, tiny_module: Path) -> None:
    write_tf1_checkpoint(tmp_path / "source", TINY, tf1_variables(make_weights(TINY)))
    (tmp_path / "source" / "30k-clean.model").write_bytes(vocabulary_bytes())
    report = export_model(source=str(tmp_path / "source"), output=tmp_path / "out")
    assert (report.source_format, report.precision) == ("tf1_checkpoint", "float32")
    assert report.source_differences is None
    assert report.source_not_run == "a TF1 checkpoint holds weights and no program"
    assert report.float32_differences.keys() == {"pooled_output", "sequence_output"}
    assert max(report.float32_differences.values()) <= 1e-5  # the same kernels, rounded otherwise: 1.01e-6 with AVX-512
    model = open_model_directory(tmp_path / "out")
    assert model.config == TINY and model.lower_case is True
    assert model.vocabulary_file.read_bytes() == vocabulary_bytes()
    assert model.fingerprint == report.fingerprint
    assert_agree(tmp_path / "out", tiny_module)


def test_a_hugging_face_checkpoint(tmp_path: Path, vocabulary_file: Path, tiny_module: Path) -> None:
    write_huggingface_checkpoint(tmp_path / "source", TINY, huggingface_tensors(make_weights(TINY), prefix="albert."))
    report = export_model(source=str(tmp_path / "source"), output=tmp_path / "out", vocabulary_file=vocabulary_file)
    assert report.source_format == "huggingface"
    if report.source_differences is None:
        assert report.source_not_run == "PyTorch and transformers, which can run it, are not installed"
    else:
        assert max(report.source_differences.values()) <= 1e-5
    assert_agree(tmp_path / "out", tiny_module)


def test_a_model_without_a_pooler(tmp_path: Path, vocabulary_file: Path, tiny_module: Path) -> None:
    """As transformers saves models for masked words, tokens and answers."""
    weights = {name: value for name, value in make_weights(TINY).items() if "pooler" not in name}
    tensors = {**huggingface_tensors(weights, prefix="albert."), "qa_outputs.bias": np.ones(2, np.float32)}
    write_huggingface_checkpoint(tmp_path / "source", TINY, tensors)
    output = tmp_path / "out"
    report = export_model(source=str(tmp_path / "source"), output=output, vocabulary_file=vocabulary_file)
    assert report.notes == (
        "1 tensor outside the encoder is passed over: qa_outputs.bias",
        "there is no pooler among the weights: the export gives no pooled output",
    )
    assert json.loads((output / "export.json").read_text())["notes"] == list(report.notes)
    assert report.float32_differences.keys() == {"sequence_output"}
    assert open_model_directory(output).outputs == {"sequence_output"}
    assert sorted(load_saved_model(output).signatures) == ["tokenization_info", "tokens"]
    inputs = make_inputs(TINY, [40, 21, 3, 2])
    differences = largest_differences(run(output, inputs), run(tiny_module, inputs), inputs)
    assert differences.keys() == {"sequence_output"} and max(differences.values()) <= 1e-5


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
    assert report.source_format == "tf1_hub" and report.source_not_run is None
    assert report.source_differences is not None
    assert report.source_differences.keys() == {"pooled_output", "sequence_output"}
    assert 0 <= max(report.source_differences.values()) <= 1e-5
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
    assert report.source_format == "tf1_hub" and report.source_differences is not None
    assert_agree(tmp_path / "out", tiny_module)


@pytest.mark.parametrize("case", [pytest.param("albert_tf1/groups2", marks=SLOW), "albert_hf/gelu_erf"])
def test_a_golden_checkpoint_through_export(tmp_path: Path, case: str) -> None:
    """The whole way from published file to SavedModel computes what the original does."""
    (tmp_path / "v.model").write_bytes(vocabulary_bytes(1000))
    export_model(source=str(GOLDEN / case), output=tmp_path / "out", vocabulary_file=tmp_path / "v.model")
    with np.load(GOLDEN / case / "expected.npz") as expected:
        inputs = {name: expected[name] for name in ("input_ids", "input_mask", "segment_ids")}
        differences = largest_differences(run(tmp_path / "out", inputs), dict(expected), inputs)
    assert max(differences.values()) <= 1e-5


@pytest.mark.parametrize(("precision", "most"), [("bfloat16", 0.25), pytest.param("float16", 0.02, marks=SLOW)])
def test_a_lower_precision_is_compared_with_both(
    tmp_path: Path, tiny_module: Path, precision: Precision, most: float
) -> None:
    report = export_model(source=str(tiny_module), output=tmp_path / "out", precision=precision)
    assert report.precision == precision == open_model_directory(tmp_path / "out").precision
    assert report.source_differences is not None
    for differences in (report.source_differences, report.float32_differences):
        assert 1e-5 < max(differences.values()) <= most
    assert_agree(tmp_path / "out", tiny_module, tolerance=most)


def test_the_signatures_are_those_of_the_contract(tiny_model: Path) -> None:
    signatures = load_saved_model(tiny_model).signatures
    assert sorted(signatures) == ["pooled", "tokenization_info", "tokens"]
    tokens = signatures["tokens"]
    inputs = tokens.structured_input_signature[1]
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in inputs.items()} == {
        name: (tf.int32, [None, None]) for name in ("input_ids", "input_mask", "segment_ids")
    }
    assert {name: spec.dtype for name, spec in tokens.structured_outputs.items()} == {
        "pooled_output": tf.float32,
        "sequence_output": tf.float32,
    }
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
        "precision": "bfloat16",
        "lower_case": True,
        "float32_differences": report.float32_differences,
        "tensorflow": tf.__version__,
        "notes": ["1 tensor outside the encoder is passed over: cls/predictions/output_bias"],
    }
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_the_sample_has_padding_and_both_segments() -> None:
    inputs = sample_inputs(TINY)
    assert inputs["input_mask"].sum(axis=1).tolist() == [128, 64, 5, 2]
    assert {value.dtype for value in inputs.values()} == {np.dtype(np.int32)}
    assert set(inputs["segment_ids"][inputs["input_mask"] == 1].tolist()) == {0, 1}
    assert inputs["input_ids"].max() < TINY.vocab_size
    assert sample_inputs(replace(TINY, max_position_embeddings=3))["input_ids"].shape == (4, 3)
