"""Every engine refuses what it would look up at another place, and rows that are no rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from albert_embed.model.engines.engine import Engine, RowError
from albert_embed.model.hosting.choose_engine import load_engine
from tests.tiny_model import TINY, make_inputs, replace, write_model

ENGINES = ("tensorflow", "openvino", "jax")
SIZE = TINY.vocab_size
OUTPUTS = ("mean_output", "pooled_output")


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, tiny_model: Path) -> Engine:
    if request.param != "tensorflow":
        pytest.importorskip(request.param)
    return load_engine(request.param, tiny_model)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("input_ids", SIZE, rf"^input_ids holds {SIZE}; the model knows 0 to {SIZE - 1}$"),
        ("input_ids", -1, rf"^input_ids holds -1; the model knows 0 to {SIZE - 1}$"),
        ("segment_ids", 2, r"^segment_ids holds 2; the model knows 0 to 1$"),
        ("segment_ids", -1, r"^segment_ids holds -1; the model knows 0 to 1$"),
    ],
)
def test_ids_that_the_model_does_not_know(engine: Engine, name: str, value: int, message: str) -> None:
    inputs = make_inputs(TINY, [5, 5])
    inputs[name][1, 1] = value
    with pytest.raises(RowError, match=message):
        engine.run(inputs, OUTPUTS)


def test_rows_that_are_too_long_or_empty(engine: Engine) -> None:
    most = TINY.max_position_embeddings
    with pytest.raises(RowError, match=rf"^a row of {most + 1} tokens; the model has {most} positions$"):
        engine.run(make_inputs(TINY, [most + 1]), OUTPUTS)
    inputs = make_inputs(TINY, [4, 4])
    inputs["input_mask"][1] = 0
    with pytest.raises(RowError, match=r"^a row has no tokens$"):
        engine.run(inputs, OUTPUTS)


def test_what_is_just_known_is_computed(engine: Engine) -> None:
    inputs = make_inputs(TINY, [TINY.max_position_embeddings])
    inputs["input_ids"][0, 1], inputs["segment_ids"][0, 2:] = SIZE - 1, 1
    assert np.isfinite(engine.run(inputs, OUTPUTS)["mean_output"]).all()


@pytest.mark.parametrize("name", ENGINES)
def test_the_limits_are_those_of_the_model(name: str, tmp_path: Path) -> None:
    if name != "tensorflow":
        pytest.importorskip(name)
    config = replace(TINY, type_vocab_size=1, max_position_embeddings=16)
    write_model(tmp_path / "model", config=config)
    small = load_engine(name, tmp_path / "model")
    inputs = make_inputs(config, [16])
    assert np.isfinite(small.run(inputs, OUTPUTS)["mean_output"]).all()
    inputs["segment_ids"][0, 3] = 1
    with pytest.raises(RowError, match=r"^segment_ids holds 1; the model knows 0 to 0$"):
        small.run(inputs, OUTPUTS)
