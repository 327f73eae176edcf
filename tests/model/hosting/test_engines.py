"""Which engine runs, and what OpenVINO is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.model.directory.model_directory import OUTPUT_NAMES
from albert_embed.model.engines.engine import OutOfMemoryError, RowError
from albert_embed.model.engines.openvino_saved_model import readable_by_openvino, replace_bfloat16_constants
from albert_embed.model.hosting.choose_engine import choose_engine, load_engine
from albert_embed.model.hosting.engine_task import EngineTask
from tests.model.openvino_settings import note_openvino_settings
from tests.tiny_model import TINY, make_inputs, write_model

EXPORT = EngineTask(model="model")


def test_a_named_engine_is_taken_as_named() -> None:
    assert [choose_engine(name, EXPORT) for name in ("tensorflow", "openvino")] == ["tensorflow", "openvino"]
    with pytest.raises(ValueError, match=r"^engine must be one of tensorflow, openvino, jax, auto, not 'torch'$"):
        choose_engine("torch", EXPORT)
    with pytest.raises(ValueError, match=r"^engine must be tensorflow, openvino or jax here, not 'auto'$"):
        load_engine("auto", Path("model"))


def test_openvino_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError, match=r"^--engine openvino needs the package openvino, which is not installed; "):
        load_engine("openvino", tiny_model)


def test_openvino_takes_its_threads(tiny_model: Path) -> None:
    pytest.importorskip("openvino")
    engine: Any = load_engine("openvino", tiny_model, threads=1)
    assert engine._compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert engine._compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"


def test_openvino_keeps_few_compiled_operations(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own 5,000 took 2.2 GB in int8 for 256 lengths of rows (benchmarks/NOTES.md)."""
    told = note_openvino_settings(monkeypatch)
    load_engine("openvino", tiny_model)
    assert told["CPU_RUNTIME_CACHE_CAPACITY"] == 1000


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (MemoryError("x"), OutOfMemoryError),
        (RuntimeError("std::bad_alloc"), OutOfMemoryError),
        (RuntimeError("could not create a memory object: out of memory"), OutOfMemoryError),
        (RuntimeError("shapes do not match"), RowError),
    ],
)
def test_openvinos_errors_are_told_apart(tiny_model: Path, raised: Exception, error: type[Exception]) -> None:
    pytest.importorskip("openvino")
    engine: Any = load_engine("openvino", tiny_model)
    inputs = make_inputs(TINY, [4, 2])
    engine.run(inputs, ["pooled_output"])

    class Refusing:
        def infer(self, *_: Any, **__: Any) -> dict[str, np.ndarray]:
            raise raised

    engine._thread.request = Refusing()
    with pytest.raises(error, match=str(raised)) as caught:
        engine.run(inputs, ["pooled_output"])
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.06), ("float16", 0.01)])
def test_openvino_reads_exports_in_half_precisions(tmp_path: Path, precision: str, tolerance: float) -> None:
    pytest.importorskip("openvino")
    write_model(tmp_path / "model", precision=precision)
    inputs = make_inputs(TINY, [7, 7, 7])
    expected = load_engine("tensorflow", tmp_path / "model").run(inputs, OUTPUT_NAMES)
    found = load_engine("openvino", tmp_path / "model").run(inputs, OUTPUT_NAMES)
    for name in OUTPUT_NAMES:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=tolerance)


def test_a_model_without_bfloat16_constants_is_read_where_it_lies(tiny_model: Path) -> None:
    with readable_by_openvino(tiny_model) as readable:
        assert readable == tiny_model


def test_bfloat16_constants_become_casts_of_float32_ones() -> None:
    with tf.Graph().as_default() as graph:
        tf.constant([1.5, -2.0], tf.bfloat16, name="half")
        tf.constant(3.0, tf.float32, name="whole")
    definition = graph.as_graph_def()
    assert replace_bfloat16_constants(definition.node) == 1
    assert [(node.name, node.op) for node in definition.node] == [
        ("half", "Cast"),
        ("whole", "Const"),
        ("half/float32", "Const"),
    ]
    with tf.Graph().as_default() as read:
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=read) as session:
            value = session.run("half:0")
    assert value.dtype == tf.bfloat16.as_numpy_dtype
    assert value.astype(np.float32).tolist() == [1.5, -2.0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_openvino_does_less_work_for_the_pooled_output_alone(tmp_path: Path, precision: Any) -> None:
    """It takes the export's signature for it, whose last layer has one row of a text to transform."""
    pytest.importorskip("openvino")
    directory = tmp_path / "model"
    write_model(directory, precision=precision)
    inputs = make_inputs(TINY, [31, 8, 2])
    alone: Any = load_engine("openvino", directory, outputs=["pooled_output"])
    both: Any = load_engine("openvino", directory)
    assert [output.get_any_name() for output in alone._compiled.outputs] == ["pooled_output_alone"]
    expected = both.run(inputs, ["pooled_output"])["pooled_output"]
    found = alone.run(inputs, ["pooled_output"])["pooled_output"]
    np.testing.assert_allclose(found, expected, atol=1e-6 if precision == "float32" else 0.06, rtol=0)


@pytest.mark.parametrize(
    ("asked", "compiled"),
    [
        (["mean_output"], ["sequence_output"]),
        (["mean_output", "pooled_output"], ["pooled_output", "sequence_output"]),
        (["pooled_output"], ["pooled_output"]),  # a published module has no signature for it
    ],
)
def test_openvino_compiles_what_it_will_be_asked_for(tiny_module: Path, asked: list[str], compiled: list[str]) -> None:
    pytest.importorskip("openvino")
    engine: Any = load_engine("openvino", tiny_module, outputs=asked)
    assert sorted(output.get_any_name() for output in engine._compiled.outputs) == compiled
    inputs = make_inputs(TINY, [31, 8, 2])
    expected = load_engine("tensorflow", tiny_module).run(inputs, asked)
    for name, values in engine.run(inputs, asked).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5, rtol=0)
