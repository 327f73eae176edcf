"""The first layer multiplies embeddings themselves: one product of two, the same outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed.model.engines.compose_mapping import compose_mapping
from albert_embed.model.engines.openvino_engine import read_openvino_model
from albert_embed.model.engines.openvino_nodes import find_source
from albert_embed.model.export.quantizable_graph import separate_query_key_value
from tests.tiny_model import TINY, make_inputs, write_model

openvino = pytest.importorskip("openvino")
NARROW, WIDE = TINY.embedding_size, TINY.hidden_size


def compute(model: Any) -> dict[str, np.ndarray]:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {port.any_name: values.copy() for port, values in compiled(make_inputs(TINY, [40, 21, 7])).items()}


def list_kernels(model: Any) -> list[list[int]]:
    """Returns the shapes of all constant matrices that something is multiplied by, sorted."""
    found = [find_source(node, 1) for node in model.get_ops() if node.get_type_name() == "MatMul"]
    return sorted(list(kernel.get_output_shape(0)) for kernel in found if kernel.get_type_name() == "Constant")


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-6), ("bfloat16", 0.06), ("float16", 0.004)])
def test_the_first_layers_product_takes_the_embeddings(tmp_path: Path, precision: str, tolerance: float) -> None:
    write_model(tmp_path / "model", precision=precision)
    model = read_openvino_model(tmp_path / "model")
    expected, kernels = compute(model), list_kernels(model)
    assert compose_mapping(model) == 1
    kernels.remove([WIDE, 3 * WIDE])
    assert list_kernels(model) == sorted([*kernels, [NARROW, 3 * WIDE]])
    for name, values in compute(model).items():
        np.testing.assert_allclose(values, expected[name], atol=tolerance, rtol=0, err_msg=name)
    assert compose_mapping(model) == 0


def test_queries_keys_and_values_that_are_products_of_their_own_are_composed_too(tiny_model: Path) -> None:
    model = read_openvino_model(tiny_model)
    expected = compute(model)
    separate_query_key_value(model)
    assert compose_mapping(model) == 3
    assert list_kernels(model).count([NARROW, WIDE]) == 1 + 3  # the mapping stays for the residual
    for name, values in compute(model).items():
        np.testing.assert_allclose(values, expected[name], atol=2e-6, rtol=0, err_msg=name)


def test_a_published_module_stays_as_it_is(tiny_module: Path) -> None:
    model = read_openvino_model(tiny_module)
    kernels = list_kernels(model)
    assert compose_mapping(model) == 0
    assert list_kernels(model) == kernels
