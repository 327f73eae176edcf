"""Which engine runs, and what OpenVINO is told."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from model.engine import OutOfMemoryError, RowError
from model.engines import choose_engine, load_engine
from tests.tiny_model import TINY, make_inputs


def test_auto_takes_openvino_where_it_is_installed_and_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: dict[str, Any] = {"openvino": object()}
    gpus: list[str] = []
    monkeypatch.setattr(importlib.util, "find_spec", installed.get)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
    assert choose_engine("auto") == "openvino"
    gpus.append("GPU:0")
    assert choose_engine("auto") == "tensorflow"
    installed.clear()
    gpus.clear()
    assert choose_engine("auto") == "tensorflow"


def test_a_named_engine_is_taken_as_named() -> None:
    assert [choose_engine(name) for name in ("tensorflow", "openvino")] == ["tensorflow", "openvino"]
    with pytest.raises(ValueError, match=r"^engine must be one of tensorflow, openvino, auto, not 'torch'$"):
        choose_engine("torch")
    with pytest.raises(ValueError, match=r"^engine must be tensorflow or openvino here, not 'auto'$"):
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
