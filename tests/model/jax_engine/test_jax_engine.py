"""The engine `jax` gives what TensorFlow gives, on a CPU; what only a GPU has is measured in benchmarks/gpu."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from apache_beam.internal import pickler

from albert_embed.model.engines.engine import OutOfMemoryError
from albert_embed.model.engines.tensorflow_engine import TensorFlowEngine
from albert_embed.model.hosting.choose_engine import load_engine
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.jax_engine.engine import JaxEngine
from albert_embed.model.jax_engine.weights import read_export_weights
from tests.tiny_model import TINY, write_model

jax = pytest.importorskip("jax")

OUTPUTS = ("mean_output", "pooled_output", "sequence_output")
LENGTHS = (3, 17, 40, 64, 65, 100, 5, 5, 128, 1)


def make_batch(lengths: tuple[int, ...] = LENGTHS) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    real = np.arange(max(lengths)) < np.array(lengths)[:, np.newaxis]
    ids = np.where(real, generator.integers(5, TINY.vocab_size, real.shape), 0)
    segments = np.where(real, generator.integers(0, 2, real.shape), 0)
    return {
        "input_ids": ids.astype(np.int32),
        "input_mask": real.astype(np.int32),
        "segment_ids": segments.astype(np.int32),
    }


def expected_outputs(directory: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = TensorFlowEngine(directory).run(inputs, ["pooled_output", "sequence_output"])
    real = inputs["input_mask"][:, :, np.newaxis].astype(bool)
    sequence = np.where(real, found["sequence_output"], 0)
    mean = sequence.astype(np.float64).sum(axis=1) / real.sum(axis=1)
    return {"pooled_output": found["pooled_output"], "sequence_output": sequence, "mean_output": mean}


def load(directory: Path, attention: str | None = None, tokens: int = 512) -> JaxEngine:
    from albert_embed.model.architecture.config import read_config

    config = read_config(directory / "assets" / "albert_config.json", "tf1")
    return JaxEngine(config, read_export_weights(directory), attention=attention, tokens=tokens)


@pytest.mark.parametrize("attention", ["masked", "flat_masked"])
def test_it_gives_what_tensorflow_gives(tiny_model: Path, attention: str) -> None:
    inputs = make_batch()
    found = load(tiny_model, attention).run(inputs, OUTPUTS)
    for name, values in expected_outputs(tiny_model, inputs).items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values, rtol=0, atol=2e-5, err_msg=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_groups": 1, "inner_group_num": 2, "hidden_act": "relu", "embedding_size": 16},
        {"hidden_act": "gelu_erf", "max_position_embeddings": 40, "type_vocab_size": 3},
    ],
    ids=str,
)
def test_every_config_gives_what_tensorflow_gives(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = dataclasses.replace(TINY, **changes)
    write_model(tmp_path / "model", config)
    inputs = make_batch((1, 7, 40, 33))
    found = load(tmp_path / "model").run(inputs, OUTPUTS)
    for name, values in expected_outputs(tmp_path / "model", inputs).items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=2e-5, err_msg=name)


def test_it_computes_in_the_precision_of_the_export(tmp_path: Path, tiny_model: Path) -> None:
    write_model(tmp_path / "model", precision="bfloat16")
    inputs = make_batch()
    engine = load(tmp_path / "model")
    assert engine._weights["word_embeddings"].dtype == "bfloat16"
    found = engine.run(inputs, ["mean_output", "pooled_output"])
    expected = expected_outputs(tiny_model, inputs)
    for name, values in found.items():
        cosine = (values * expected[name]).sum(axis=1) / (
            np.linalg.norm(values, axis=1) * np.linalg.norm(expected[name], axis=1)
        )
        assert cosine.min() > 0.995
        assert np.abs(values - expected[name]).max() > 1e-5, "it computed in float32"


def test_a_text_is_the_same_beside_any_others(tiny_model: Path) -> None:
    inputs = make_batch()
    together = load(tiny_model, "flat_masked").run(inputs, OUTPUTS)
    alone = load(tiny_model, "flat_masked")
    for row, length in enumerate(LENGTHS):
        found = alone.run({name: values[row : row + 1] for name, values in inputs.items()}, OUTPUTS)
        for name in OUTPUTS:
            np.testing.assert_allclose(found[name][0], together[name][row], rtol=0, atol=1e-5, err_msg=f"{length}")


def test_what_is_not_finite_stays_in_its_own_text(tiny_model: Path) -> None:
    engine = load(tiny_model, "flat_masked")
    weights: dict[str, Any] = dict(engine._weights)
    weights["word_embeddings"] = weights["word_embeddings"].at[7].set(np.nan)
    engine._weights = weights
    inputs = make_batch((9, 9, 9))
    inputs["input_ids"][inputs["input_ids"] == 7] = 8
    inputs["input_ids"][1, 4] = 7
    found = engine.run(inputs, OUTPUTS)
    for name in OUTPUTS:
        finite = np.isfinite(found[name]).reshape(3, -1).all(axis=1)
        assert finite.tolist() == [True, False, True], name


def test_shapes_are_compiled_once(tiny_model: Path) -> None:
    engine = load(tiny_model)
    for lengths in ((3, 5), (4, 4), (30, 2), (31, 20)):
        engine.run(make_batch(lengths), ["pooled_output"])
    assert engine.compilations == 1
    engine.run(make_batch((3, 5)), ["mean_output"])
    engine.run(make_batch((70, 5)), ["mean_output"])
    assert engine.compilations <= 4


def test_only_out_of_memory_is_the_batch_s_fault(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other errors of JAX are no row's: as one they would be written to the failures, for every row of a corpus."""
    engine = load(tiny_model)

    def raising(message: str) -> Any:
        def fail(*_: Any) -> Any:
            raise RuntimeError(message)

        return lambda *_: fail

    for message in ("RESOURCE_EXHAUSTED: Out of memory allocating 3 bytes", "CUDA_ERROR: out of memory"):
        monkeypatch.setattr(engine, "_compile", raising(message))
        engine._compiled.clear()
        with pytest.raises(OutOfMemoryError, match=message):
            engine.run(make_batch((3,)), ["pooled_output"])
    monkeypatch.setattr(engine, "_compile", raising("INTERNAL: cuDNN failed"))
    engine._compiled.clear()
    with pytest.raises(RuntimeError, match=r"^INTERNAL: cuDNN failed$") as error:
        engine.run(make_batch((3,)), ["pooled_output"])
    assert type(error.value) is RuntimeError


def test_threads_that_want_one_shape_compile_it_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = load(tiny_model)
    compile_shape, compiling, second = engine._compile, threading.Event(), threading.Event()
    shapes: list[Any] = []

    def compile_slowly(shape: Any, *rest: Any) -> Any:
        shapes.append(shape)
        compiling.set()
        assert second.wait(60)
        return compile_shape(shape, *rest)

    monkeypatch.setattr(engine, "_compile", compile_slowly)
    inputs = make_batch((3, 5))
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(engine.run, inputs, ["pooled_output"])
        assert compiling.wait(60)
        other = threads.submit(engine.run, inputs, ["pooled_output"])
        second.set()
        np.testing.assert_array_equal(first.result()["pooled_output"], other.result()["pooled_output"])
    assert len(shapes) == engine.compilations == 1


def test_what_it_can_not_do_is_said(tiny_model: Path, tiny_module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"is a TF Hub module; export it, or choose --engine tensorflow$"):
        load_engine("jax", tiny_module)
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r"^--engine jax needs the package jax, which is not installed; "):
        load_engine("jax", tiny_model)


def test_a_handler_with_it_is_pickled_and_works(tiny_model: Path) -> None:
    rows = [[2, 9, 3], [2, 11, 12, 13, 3]]
    batch = pa.RecordBatch.from_pydict({"id": [b"a", b"b"], "input_ids": pa.array(rows, pa.large_list(pa.int64()))})
    embeddings = ["mean", "pooled", "sequence"]
    expected_handler = AlbertModelHandler(str(tiny_model), embeddings=embeddings)
    handler = pickler.loads(pickler.dumps(AlbertModelHandler(str(tiny_model), embeddings=embeddings, engine="jax")))
    (expected,) = expected_handler.run_inference(batch, expected_handler.load_model())
    (found,) = handler.run_inference(batch, handler.load_model())
    assert isinstance(expected, pa.RecordBatch)
    assert isinstance(found, pa.RecordBatch)
    assert found.schema == expected.schema
    for name in ("mean_output", "pooled_output", "sequence_output"):
        left, right = (np.asarray(result.column(name).flatten()) for result in (found, expected))
        np.testing.assert_allclose(left, right, rtol=0, atol=2e-5, err_msg=name)
