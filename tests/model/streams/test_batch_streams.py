"""The threads that compute batches: their engine's cores, its functions, and the program's end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from albert_embed.model.engines.tensorflow_engine import TensorFlowEngine
from albert_embed.model.hosting.choose_engine import load_engine
from albert_embed.model.streams.batch_streams import BatchStreams
from tests.tiny_model import TINY, make_inputs


def test_openvino_divides_its_threads_among_the_streams(tiny_model: Path) -> None:
    pytest.importorskip("openvino")
    engine: Any = load_engine("openvino", tiny_model, streams=2)
    assert engine._compiled.get_property("NUM_STREAMS") == 2


def test_a_function_of_tensorflow_is_made_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []
    select = TensorFlowEngine._select_outputs

    def count(engine: TensorFlowEngine, names: tuple[str, ...]) -> Any:
        made.append(names)
        return select(engine, names)

    monkeypatch.setattr(TensorFlowEngine, "_select_outputs", count)
    streams = BatchStreams(load_engine("tensorflow", tiny_model, streams=4), 4)
    inputs = make_inputs(TINY, [20, 11, 2])
    for future in [streams.start(inputs, ["pooled_output"]) for _ in range(8)]:
        future.result()
    assert made == [("pooled_output",)]
