"""Exports in other programs that take a SavedModel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_embed.model.directory.model_directory import load_saved_model
from tests.tiny_model import TINY, make_inputs

INPUTS = {name: tf.constant(value) for name, value in make_inputs(TINY, [7, 3]).items()}


def assert_same(outputs: Any, model: Path) -> None:
    expected = load_saved_model(model).signatures["tokens"](**INPUTS)
    assert outputs.keys() == expected.keys() == {"pooled_output", "sequence_output"}
    for name, value in expected.items():
        np.testing.assert_allclose(np.asarray(outputs[name]), value.numpy(), atol=1e-5)


def test_the_default_signature(tiny_model: Path) -> None:
    assert_same(tf.saved_model.load(str(tiny_model)).signatures["serving_default"](**INPUTS), tiny_model)


@pytest.mark.parametrize("options", [{}, {"signature": "serving_default", "signature_outputs_as_dict": True}])
def test_a_layer_of_tensorflow_hub(tiny_model: Path, options: dict[str, Any]) -> None:
    hub = pytest.importorskip("tensorflow_hub")
    tf_keras = pytest.importorskip("tf_keras")
    layer = hub.KerasLayer(str(tiny_model), **options)
    assert_same(layer(INPUTS), tiny_model)
    symbols = {name: tf_keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    assert_same(tf_keras.Model(symbols, layer(symbols)).predict(INPUTS, verbose=0), tiny_model)


@pytest.mark.parametrize("options", [{}, {"call_endpoint": "serving_default"}])
def test_a_layer_of_keras(tiny_model: Path, options: dict[str, Any]) -> None:
    keras = pytest.importorskip("keras", minversion="3")
    layer = keras.layers.TFSMLayer(str(tiny_model), **options)
    assert_same(layer(INPUTS), tiny_model)
    symbols = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}
    assert_same(keras.Model(symbols, layer(symbols)).predict(INPUTS, verbose=0), tiny_model)


# Beam loads with `tf.keras.models.load_model`, which Keras 3 refuses for SavedModels; Keras 2 is chosen by process.
_BEAM_HANDLER = """
import sys
import numpy as np
from apache_beam.ml.inference.base import PredictionResult
from apache_beam.ml.inference.tensorflow_inference import TFModelHandlerTensor
import tensorflow as tf

def infer(model, batch, inference_args, model_id=None):
    inputs = {name: tf.stack([row[name] for row in batch]) for name in batch[0]}
    outputs = model.signatures["serving_default"](**inputs)
    return [PredictionResult(row, value.numpy()) for row, value in zip(batch, outputs["pooled_output"])]

handler = TFModelHandlerTensor(sys.argv[1], inference_fn=infer)
row = {name: tf.constant(value, tf.int32) for name, value in
       {"input_ids": [2, 9, 3], "input_mask": [1, 1, 1], "segment_ids": [0, 0, 0]}.items()}
(result,) = handler.run_inference([row], handler.load_model())
print("shape", result.inference.shape)
"""


@pytest.mark.integration
def test_the_tensorflow_handler_of_beam(tiny_model: Path) -> None:
    pytest.importorskip("tf_keras")
    finished = subprocess.run(
        [sys.executable, "-c", _BEAM_HANDLER, str(tiny_model)],
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
        capture_output=True,
        text=True,
    )
    assert finished.stdout.splitlines()[-1:] == ["shape (16,)"], finished.stderr
