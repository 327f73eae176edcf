"""The engine `jax` gives the sentence embedding that TensorFlow gives of the same export, whatever its head does."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from albert_embed.model.architecture.config import read_config
from albert_embed.model.architecture.sentence_head import SentenceHead
from albert_embed.model.architecture.sentence_modules import (
    DenseActivation,
    DenseLayer,
    Normalize,
    Pooling,
    SentenceModules,
    SentenceOutline,
    read_sentence_outline,
)
from albert_embed.model.directory.model_directory import SENTENCE_FILE, ModelDirectoryError
from albert_embed.model.engines.tensorflow_engine import TensorFlowEngine
from albert_embed.model.hosting.choose_engine import load_engine
from albert_embed.model.hosting.handler import AlbertModelHandler
from albert_embed.model.jax_engine.engine import JaxEngine
from albert_embed.model.jax_engine.weights import read_export_weights
from tests.tiny_model import TINY, make_inputs, write_model

jax = pytest.importorskip("jax")

TOLERANCE = 2e-5
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
ACTIVATIONS: tuple[DenseActivation, ...] = get_args(DenseActivation)
LENGTHS = [3, 17, 40, 64, 65, 100, 5, 5, 128, 1]


def make_modules(pooling: Pooling, activations: tuple[DenseActivation, ...]) -> SentenceModules:
    """Returns a dense layer for each activation, each narrower than the one before, with a normalisation between."""
    generator = np.random.default_rng(len(activations))
    steps: list[DenseLayer | Normalize] = []
    width = TINY.hidden_size
    for activation in activations:
        kernel = generator.normal(0, 1, (width, width - 2)).astype(np.float32)
        bias = generator.normal(0, 0.5, width - 2).astype(np.float32)
        steps += [DenseLayer(kernel=kernel, bias=bias, activation=activation), Normalize()]
        width -= 2
    return SentenceModules(pooling=pooling, steps=tuple(steps))


@pytest.fixture(scope="module", params=POOLINGS)
def export(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of each pooling, with a dense layer of each activation."""
    directory = tmp_path_factory.mktemp("sentence") / "model"
    write_model(directory, sentence=make_modules(request.param, ACTIVATIONS))
    return directory


@pytest.mark.parametrize("attention", ["masked", "flat_masked"])
def test_both_layouts_give_what_tensorflow_gives(export: Path, attention: str) -> None:
    inputs = make_inputs(TINY, LENGTHS)
    names = ["sentence_embedding", "mean_output", "pooled_output"]
    expected = TensorFlowEngine(export).run(inputs, names)
    engine = JaxEngine(
        read_config(export / "assets" / "albert_config.json", "tf1"),
        read_export_weights(export),
        sentence=read_sentence_outline(export / "assets" / SENTENCE_FILE),
        attention=attention,
        tokens=512,
    )
    found = engine.run(inputs, names)
    assert found["sentence_embedding"].shape == (len(LENGTHS), TINY.hidden_size - 2 * len(ACTIVATIONS))
    assert found["sentence_embedding"].std(axis=0).min() > 100 * TOLERANCE  # texts differ, or this would prove little
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=TOLERANCE, err_msg=name)
    alone = engine.run({name: values[2:3] for name, values in inputs.items()}, ["sentence_embedding"])
    np.testing.assert_allclose(
        alone["sentence_embedding"][0], expected["sentence_embedding"][2], rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_is_that_of_the_export(activation: DenseActivation) -> None:
    from albert_embed.model.jax_engine.sentence import apply_sentence_steps

    modules = make_modules("cls", (activation,))
    pooled = np.random.default_rng(1).normal(0, 1, (7, TINY.hidden_size)).astype(np.float32)
    (dense, _) = modules.steps
    assert isinstance(dense, DenseLayer)
    weights = {"sentence_head": {"steps": {"0": {"kernel": dense.kernel, "bias": dense.bias}}}}
    found = apply_sentence_steps(weights, modules.outline, jax.numpy.asarray(pooled))
    expected = SentenceHead(modules)(pooled[:, np.newaxis], np.ones((7, 1), np.int32))
    np.testing.assert_allclose(np.asarray(found), expected.numpy(), rtol=0, atol=1e-6)


def test_a_vector_of_zeros_stays_one() -> None:
    from albert_embed.model.jax_engine.sentence import apply_sentence_steps

    outline = SentenceOutline(pooling="cls", steps=("normalize",))
    assert np.asarray(apply_sentence_steps({}, outline, jax.numpy.zeros((1, 3)))).tolist() == [[0.0, 0.0, 0.0]]


def test_a_head_without_steps_is_the_pooling_alone(tmp_path: Path) -> None:
    write_model(tmp_path / "model", sentence=SentenceModules(pooling="cls", steps=()))
    inputs = make_inputs(TINY, [4, 9])
    found = load_engine("jax", tmp_path / "model").run(inputs, ["sentence_embedding", "sequence_output"])
    np.testing.assert_array_equal(found["sentence_embedding"], found["sequence_output"][:, 0])


def test_in_bfloat16_the_head_is_in_float32(tmp_path: Path) -> None:
    write_model(tmp_path / "model", precision="bfloat16", sentence=make_modules("mean", ("tanh",)))
    inputs = make_inputs(TINY, LENGTHS)
    engine = load_engine("jax", tmp_path / "model")
    found = engine.run(inputs, ["sentence_embedding"])["sentence_embedding"]
    expected = load_engine("tensorflow", tmp_path / "model").run(inputs, ["sentence_embedding"])["sentence_embedding"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=0, atol=1e-6)
    assert (found * expected).sum(axis=1).min() > 0.999


def test_an_export_of_an_earlier_version_is_refused_for_sentence_alone(tmp_path: Path) -> None:
    model = tmp_path / "model"
    write_model(model, sentence=make_modules("mean", ("tanh",)))
    (model / "assets" / SENTENCE_FILE).unlink()
    with pytest.raises(ValueError) as error:
        AlbertModelHandler(str(model), embeddings=["sentence"], engine="jax").load_model()
    assert str(error.value) == (
        f"engine jax can't give sentence of {model}, which an earlier version exported: it does not say what its "
        "sentence head does; export the model again, or choose --engine tensorflow"
    )
    inputs = make_inputs(TINY, [4, 9])
    expected = TensorFlowEngine(model).run(inputs, ["mean_output"])["mean_output"]
    engine = AlbertModelHandler(str(model), embeddings=["mean"], engine="jax").load_model()
    np.testing.assert_allclose(engine.run(inputs, ["mean_output"])["mean_output"], expected, rtol=0, atol=TOLERANCE)
    with pytest.raises(ValueError, match=r"^engine jax gives .*pooled_output of this model, not sentence_embedding$"):
        engine.run(inputs, ["sentence_embedding"])


def test_an_outline_of_another_head_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model", sentence=make_modules("mean", ("tanh",)))
    outline = SentenceOutline(pooling="mean", steps=("normalize", "tanh", "relu"))
    (tmp_path / "model" / "assets" / SENTENCE_FILE).write_text(outline.to_json())
    with pytest.raises(ModelDirectoryError, match=r"at the steps \[1, 2\], and the weights beside it have them at"):
        load_engine("jax", tmp_path / "model")
