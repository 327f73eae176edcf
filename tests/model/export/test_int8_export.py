"""`export --precision int8`: what it computes, what is measured of it, what it refuses."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import albert_embed.model
from albert_embed.model.architecture.agreement import Agreement
from albert_embed.model.architecture.weights import Weights
from albert_embed.model.directory.model_directory import (
    ModelDirectoryError,
    fingerprint_model,
    load_saved_model,
    open_model_directory,
)
from albert_embed.model.engines import openvino_engine
from albert_embed.model.export.export import ExportReport, export_model
from albert_embed.model.export.proof import ExportMismatchError
from albert_embed.model.hosting.choose_engine import choose_engine, load_engine
from albert_embed.model.hosting.engine_task import EngineTask
from albert_embed.transforms.process.processor_instructions import adds_int8_exactly, read_instructions
from tests.model.checkpoints import tf1_variables, write_tf1_checkpoint
from tests.model.openvino_settings import note_openvino_settings
from tests.tiny_model import CORPUS, GOLDEN, TINY, make_inputs, make_weights, vocabulary_bytes

pytestmark = pytest.mark.integration  # each export compiles the model several times

TEXTS = [line.encode() for line in CORPUS.read_text(encoding="utf-8").splitlines() if line]


def write_source(directory: Path, weights: Weights) -> Path:
    write_tf1_checkpoint(directory, TINY, tf1_variables(weights))
    (directory / "30k-clean.model").write_bytes(vocabulary_bytes())
    return directory


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExportReport]:
    pytest.importorskip("nncf")
    folder = tmp_path_factory.mktemp("int8")
    source = write_source(folder / "source", make_weights(TINY))
    report = export_model(source=str(source), output=folder / "out", precision="int8", calibration_texts=TEXTS)
    return folder / "out", report


def smallest_cosine(first: np.ndarray, second: np.ndarray) -> float:
    norms = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return float(((first * second).sum(axis=-1) / norms).min())


def test_it_computes_nearly_what_float32_does_and_not_the_same(exported: tuple[Path, ExportReport]) -> None:
    inputs = make_inputs(TINY, [40, 21, 7])
    found = load_engine("openvino", exported[0]).run(inputs, ["pooled_output", "sequence_output", "mean_output"])
    tokens = load_saved_model(exported[0]).signatures["tokens"]
    exact = {name: value.numpy() for name, value in tokens(**inputs).items()}
    real = inputs["input_mask"].astype(bool)
    cosine = smallest_cosine(found["sequence_output"][real], exact["sequence_output"][real])
    assert 0.98 < cosine < 0.999999
    assert 0.98 < smallest_cosine(found["pooled_output"], exact["pooled_output"]) < 0.9999999
    mean = found["sequence_output"][1, :21].mean(axis=0)
    np.testing.assert_allclose(found["mean_output"][1], mean, atol=1e-5)


needs_vnni = pytest.mark.skipif(
    not adds_int8_exactly(read_instructions()), reason="int8 is computed in float32 on a CPU without VNNI"
)


@needs_vnni
def test_the_multiplications_of_all_layers_are_in_int8(exported: tuple[Path, ExportReport]) -> None:
    import openvino

    compiled: Any = load_engine("openvino", exported[0])
    layers = [
        node.get_rt_info()
        for node in compiled._compiled.get_runtime_model().get_ops()
        if node.get_rt_info()["layerType"].astype(str) == "FullyConnected"
    ]
    kinds = [layer["runtimePrecision"].astype(str) for layer in layers]
    # Of each of three layers: query, key, value, the attention's output, and the two of the feed-forward; of the first
    # layer the latter alone.
    assert sum(kind in ("i8", "u8") for kind in kinds) == 3 * 6 - 4, (openvino.__version__, kinds)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="int8 overflows on x86 alone")
@pytest.mark.parametrize(("instruction", "transforms"), [("avx2", "NO"), ("avx512_vnni", None)])
def test_where_sums_of_int8_would_overflow_it_is_computed_in_float32(
    exported: tuple[Path, ExportReport],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    instruction: str,
    transforms: str | None,
) -> None:
    told = note_openvino_settings(monkeypatch)
    monkeypatch.setattr(openvino_engine, "read_instructions", lambda: frozenset({instruction}))
    engine = load_engine("openvino", exported[0])
    assert told.get("LP_TRANSFORMS_MODE") == transforms
    assert ("this CPU has no VNNI instructions" in caplog.text) is (transforms == "NO")
    if transforms == "NO":
        inputs = make_inputs(TINY, [40, 21, 7])
        tokens = load_saved_model(exported[0]).signatures["tokens"](**inputs)["sequence_output"].numpy()
        found = engine.run(inputs, ["sequence_output"])["sequence_output"]
        real = inputs["input_mask"].astype(bool)
        assert 0.99 < smallest_cosine(found[real], tokens[real]) < 0.999999


def test_layer_norms_are_whole_and_products_rounded_where_they_are_made(exported: tuple[Path, ExportReport]) -> None:
    import openvino

    model = openvino.Core().read_model(exported[0] / "int8" / "model.xml")
    kinds = [node.get_type_name() for node in model.get_ops()]
    assert (kinds.count("MVN"), kinds.count("ReduceMean"), kinds.count("Split")) == (3 * 2 + 1, 0, 0)


def test_what_it_says_of_itself(exported: tuple[Path, ExportReport]) -> None:
    directory, report = exported
    assert report.precision == "int8" and report.int8 is not None
    assert report.int8.float32.keys() == {"pooled_output", "sequence_output", "mean_output"}
    assert all(0.99 <= agreement.smallest_cosine < 1 for agreement in report.int8.float32.values())
    assert report.int8.texts.startswith("calibrated on 200 texts, ") and " measured on 99 texts, " in report.int8.texts
    described = json.loads((directory / "export.json").read_text())
    assert described["precision"] == "int8" and described["int8"]["accepted_errors"] == []
    assert described["int8"]["float32"]["mean_output"]["smallest_cosine"] == (
        report.int8.float32["mean_output"].smallest_cosine
    )
    model = open_model_directory(directory)
    assert (model.precision, model.fingerprint) == ("int8", report.fingerprint)
    card = (directory / "README.md").read_text()
    assert f"{report.int8.texts}:" in card
    assert f"| `mean_output` | the same weights in float32 | {_format(report.int8.float32['mean_output'])} |" in card


def _format(agreement: Agreement) -> str:
    return f"{agreement.smallest_cosine:.6f} | {agreement.largest_difference:.3g}"


def test_another_calibration_is_another_model(exported: tuple[Path, ExportReport], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported[0], copy)
    assert fingerprint_model(copy) == exported[1].fingerprint
    with (copy / "int8" / "model.bin").open("r+b") as file:
        file.write(b"x")
    assert fingerprint_model(copy) != exported[1].fingerprint
    shutil.rmtree(copy / "int8")
    with pytest.raises(ModelDirectoryError, match=r"copy is an int8 export and lacks int8/model.xml; was the director"):
        open_model_directory(copy)


def test_other_engines_refuse_it(exported: tuple[Path, ExportReport]) -> None:
    for engine in ("tensorflow", "jax"):
        with pytest.raises(ValueError) as error:
            load_engine(engine, exported[0])
        assert str(error.value) == (
            f"the model is an int8 export, which only OpenVINO computes in int8: --engine openvino, not {engine}"
        )
    task = EngineTask.of(exported[0], ["mean"])
    assert choose_engine("auto", task) == "openvino"
    with pytest.raises(ValueError, match=r"only OpenVINO computes in int8: --engine openvino, not tensorflow$"):
        choose_engine("tensorflow", task)


@pytest.mark.parametrize(
    "case", ["albert_tf1/groups2", "albert_tf1/inner2", "albert_tf1/relu_wide", "albert_hf/gelu_erf"]
)
def test_the_golden_variants(case: str, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    (tmp_path / "v.model").write_bytes(vocabulary_bytes(1000))
    report = export_model(
        source=str(GOLDEN / case),
        output=tmp_path / "out",
        vocabulary_file=tmp_path / "v.model",
        precision="int8",
        calibration_texts=TEXTS[:90],
    )
    assert report.int8 is not None
    with np.load(GOLDEN / case / "expected.npz") as expected:
        inputs = {name: expected[name] for name in ("input_ids", "input_mask", "segment_ids")}
        found = load_engine("openvino", tmp_path / "out").run(inputs, ["pooled_output"])
        assert 0.99 < smallest_cosine(found["pooled_output"], expected["pooled_output"]) < 0.9999999


def test_trained_weights_stay_near(tmp_path: Path) -> None:
    """The built-in model's first matrices hold values far larger than all others, as those of trained models do."""
    pytest.importorskip("nncf")
    source = Path(albert_embed.model.__file__).parent / "default_model"
    report = export_model(source=str(source), output=tmp_path / "out", precision="int8", calibration_texts=TEXTS[:120])
    assert report.int8 is not None
    assert min(agreement.smallest_cosine for agreement in report.int8.float32.values()) >= 0.99


def outlier_weights() -> Weights:
    """Every eighth column of the feed-forward a hundred times as large: one range can't hold it and its neighbours."""
    weights = make_weights(TINY)
    for name in weights:
        if "intermediate" in name:
            weights[name][..., ::8] *= 100
    return weights


def test_a_model_that_int8_does_not_suit_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    source = write_source(tmp_path / "source", outlier_weights())
    output = tmp_path / "outputs" / "model"
    with pytest.raises(ExportMismatchError) as error:
        export_model(source=str(source), output=output, precision="int8", calibration_texts=TEXTS[:60])
    message = str(error.value)
    assert "sequence_output in int8 differs from float32: smallest cosine " in message
    assert " (bound 0.99), calibrated on 40 texts, " in message
    assert message.endswith(
        "Nothing was written. Calibrate on more texts, or on texts more like those that will be embedded "
        "(--calibration-texts), export in bfloat16 (--precision), or accept the export as it is: --accept-error"
    )
    assert os.listdir(output.parent) == []
    report = export_model(
        source=str(source), output=output, precision="int8", calibration_texts=TEXTS[:60], accept_error=True
    )
    assert report.int8 is not None and report.proof.accepted_errors == ()
    assert any(error.startswith("sequence_output in int8 ") for error in report.int8.accepted_errors)
    assert report.int8.accepted_errors[0] in (output / "README.md").read_text()


def test_a_missing_nncf_is_named_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(ImportError) as error:
        export_model(source=str(tmp_path), output=tmp_path / "out", precision="int8", calibration_texts=TEXTS)
    assert str(error.value) == (
        "--precision int8 needs the packages nncf and openvino; install albert-embed with the extra int8"
    )


def test_texts_without_int8(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^--calibration-texts are for --precision int8 alone, not bfloat16; leave "):
        export_model(source=str(tmp_path), output=tmp_path / "out", precision="bfloat16", calibration_texts=TEXTS)
