"""`AlbertModelHandler` as Beam uses it: pickled, loaded once a process, run through RunInference."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from apache_beam.internal import pickler
from apache_beam.ml.inference.base import RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that

from albert_embed.model.directory.model_directory import ModelDirectoryError, load_saved_model
from albert_embed.model.hosting.choose_engine import EngineName, load_engine
from albert_embed.model.hosting.handler import AlbertModelHandler
from tests.model.hosting.test_embed_batch import make_batch
from tests.tiny_model import TINY, make_inputs, write_model

loads: list[str] = []
lock = threading.Lock()


class CountingHandler(AlbertModelHandler):
    """Notes every load."""

    def load_model(self) -> Any:
        with lock:
            loads.append(threading.current_thread().name)
        return super().load_model()


@pytest.mark.parametrize("kind", ["tiny_model", "tiny_module"])
def test_the_engine_returns_only_what_is_asked_for(request: pytest.FixtureRequest, kind: str, engine_name: str) -> None:
    directory = request.getfixturevalue(kind)
    inputs = make_inputs(TINY, [20, 11, 2])
    tokens = load_saved_model(directory).signatures["tokens"]
    expected = {name: value.numpy() for name, value in tokens(**{n: tf.constant(v) for n, v in inputs.items()}).items()}
    engine = load_engine(engine_name, directory)
    real = inputs["input_mask"].astype(bool)
    for outputs in ({"pooled_output"}, {"sequence_output"}, {"sequence_output", "pooled_output"}):
        found = engine.run(inputs, outputs)
        assert found.keys() == outputs
        for name in outputs:
            assert found[name].dtype == np.float32
            kept = real if name == "sequence_output" else slice(None)
            np.testing.assert_allclose(found[name][kept], expected[name][kept], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["tiny_model", "tiny_module"])
def test_the_mean_is_that_of_float64(request: pytest.FixtureRequest, kind: str, engine_name: str) -> None:
    engine = load_engine(engine_name, request.getfixturevalue(kind))
    inputs = make_inputs(TINY, [20, 11, 2, 1])
    found = engine.run(inputs, {"mean_output", "sequence_output"})
    alone = engine.run(inputs, {"mean_output"})["mean_output"]
    for row, length in enumerate([20, 11, 2, 1]):
        expected = (found["sequence_output"][row, :length].astype(np.float64).sum(axis=0) / length).astype(np.float32)
        # Exactly, but for the rare value that two orders of summing round to neighbours.
        np.testing.assert_array_max_ulp(found["mean_output"][row], expected, maxulp=1)
        np.testing.assert_allclose(alone[row], expected, atol=1e-6, rtol=0)


def test_a_model_without_a_pooler(tmp_path: Path, tiny_model: Path, engine_name: EngineName) -> None:
    model = str(tmp_path / "model")
    write_model(tmp_path / "model", pooler=False)
    with pytest.raises(ValueError) as error:
        AlbertModelHandler(model, embeddings=("mean", "pooled"), engine=engine_name).load_model()
    assert str(error.value) == (
        f"--embeddings pooled: the model {model} has no pooled_output, because it was trained without a pooler; "
        "choose sequence or mean"
    )
    engine = AlbertModelHandler(model, embeddings=("mean", "sequence"), engine=engine_name).load_model()
    inputs = make_inputs(TINY, [20, 11, 2])
    real = inputs["input_mask"].astype(bool)
    (found, expected) = (
        loaded.run(inputs, {"sequence_output"})["sequence_output"][real]
        for loaded in (engine, load_engine(engine_name, tiny_model))
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_export_and_module_agree(tiny_model: Path, tiny_module: Path, engine_name: str) -> None:
    inputs = make_inputs(TINY, [33, 8, 2])
    names = ("pooled_output", "sequence_output")
    first, second = (load_engine(engine_name, path).run(inputs, names) for path in (tiny_model, tiny_module))
    real = inputs["input_mask"].astype(bool)
    assert np.abs(first["pooled_output"] - second["pooled_output"]).max() <= 1e-5
    assert np.abs(first["sequence_output"] - second["sequence_output"])[real].max() <= 1e-5


def test_a_row_longer_than_the_positions_is_refused_by_itself(tiny_module: Path, engine_name: EngineName) -> None:
    """The published module checks its positions; what it refuses is a row's fault and no crash."""
    handler = AlbertModelHandler(str(tiny_module), engine=engine_name)
    engine = handler.load_model()
    batch = make_batch([[2, 9, 3], [2] + [7] * 200 + [3], [2, 3]])
    results = list(handler.run_inference(batch, engine))
    assert [result.column("id").to_pylist() for result in results if isinstance(result, pa.RecordBatch)] == [
        [b"d0"],
        [b"d2"],
    ]
    (failure,) = [result for result in results if not isinstance(result, pa.RecordBatch)]
    assert (failure.id, failure.reason) == (b"d1", "refused by the model")
    assert failure.error.startswith("a row of 202 tokens failed alone: ")


def test_a_handler_is_pickled_and_works_after_it(tiny_model: Path, engine_name: EngineName) -> None:
    handler = AlbertModelHandler(str(tiny_model), embeddings=["mean", "pooled"], engine=engine_name, threads=1)
    again = pickler.loads(pickler.dumps(handler))
    (expected,) = handler.run_inference(make_batch(), handler.load_model())
    (found,) = again.run_inference([make_batch()], again.load_model())
    assert found.schema.names[-2:] == ["mean_output", "pooled_output"]
    assert found.equals(expected)


def test_steps_with_one_handler_share_the_model(tiny_model: Path) -> None:
    """As `AlbertEmbeddings` has them: a step for each column, each with its own copy of the handler."""
    handler = AlbertModelHandler(str(tiny_model))
    engine = handler.load_model()
    assert pickler.loads(pickler.dumps(handler)).load_model() is engine
    assert AlbertModelHandler(str(tiny_model)).load_model() is not engine


def test_what_beam_asks_a_handler(tiny_model: Path) -> None:
    handler = AlbertModelHandler(str(tiny_model))
    batch = make_batch()
    assert handler.should_skip_batching() is True
    assert handler.get_num_bytes(batch) == batch.nbytes
    assert handler.get_num_bytes([batch, batch]) == 2 * batch.nbytes
    assert handler.get_metrics_namespace() == "albert_run_inference"
    with pytest.raises(ValueError, match=r"^AlbertModelHandler takes no inference_args, got \['k'\]$"):
        list(handler.run_inference(batch, handler.load_model(), {"k": 1}))


def test_what_a_handler_refuses() -> None:
    with pytest.raises(ValueError, match=r"^engine must be one of tensorflow.*, not 'torch'$"):
        AlbertModelHandler("model", engine="torch")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^threads must be at least 1, not 0$"):
        AlbertModelHandler("model", threads=0)
    with pytest.raises(ValueError, match=r"^embeddings must be one or more of"):
        AlbertModelHandler("model", embeddings=["cls"])
    with pytest.raises(ModelDirectoryError, match=r"^there is nothing at '/nowhere'"):
        AlbertModelHandler("/nowhere").load_model()


def test_the_model_is_loaded_once_a_process(tiny_model: Path, engine_name: EngineName) -> None:
    """Several bundles on several threads, one load."""
    loads.clear()
    options = PipelineOptions(direct_num_workers=2, direct_running_mode="multi_threading")
    batches = [make_batch().slice(row, 1) for row in range(5)]

    def check(results: list[pa.RecordBatch]) -> None:
        assert sorted(result.column("id")[0].as_py() for result in results) == [f"d{row}".encode() for row in range(5)]

    with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
        embedded = (
            pipeline
            | beam.Create(batches)
            | beam.Reshuffle()
            | RunInference(CountingHandler(str(tiny_model), embeddings=["pooled"], engine=engine_name))
        )
        assert_that(embedded, check)
    assert len(loads) == 1


def test_the_pooled_output_alone_does_less_work(tiny_model: Path, tiny_module: Path) -> None:
    """An export has a signature for it; a published module has not, and is asked for its `tokens`."""
    inputs = make_inputs(TINY, [31, 8, 2])
    engine: Any = load_engine("tensorflow", tiny_model)
    alone = engine.run(inputs, ["pooled_output"])
    both = engine.run(inputs, ["pooled_output", "sequence_output"])
    assert list(alone) == ["pooled_output"]
    np.testing.assert_allclose(alone["pooled_output"], both["pooled_output"], atol=1e-6, rtol=0)

    # It needs no other signature.
    loaded = engine._loaded
    engine._loaded = SimpleNamespace(signatures={"pooled": loaded.signatures["pooled"]})
    engine._functions.clear()
    np.testing.assert_array_equal(engine.run(inputs, ["pooled_output"])["pooled_output"], alone["pooled_output"])
    pooled_of_module = load_engine("tensorflow", tiny_module).run(inputs, ["pooled_output"])["pooled_output"]
    np.testing.assert_allclose(alone["pooled_output"], pooled_of_module, atol=1e-5, rtol=0)
