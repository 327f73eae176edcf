"""The graph that is quantised: it computes what the export's does, in other operations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albert_embed.model.engines.openvino_engine import read_openvino_model
from albert_embed.model.engines.openvino_nodes import find_source
from albert_embed.model.export.quantizable_graph import fuse_layer_norms, separate_query_key_value
from tests.tiny_model import TINY, make_inputs

pytest.importorskip("openvino")
LAYERS = TINY.num_hidden_layers


def compute(model: Any) -> dict[str, np.ndarray]:
    import openvino

    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {port.any_name: values.copy() for port, values in compiled(make_inputs(TINY, [40, 21, 7])).items()}


def count_operations(model: Any) -> Counter[str]:
    return Counter(node.get_type_name() for node in model.get_ordered_ops())


def test_layer_norms_are_one_operation_each(tiny_model: Path) -> None:
    model = read_openvino_model(tiny_model)
    expected = compute(model)
    assert fuse_layer_norms(model) == 2 * LAYERS + 1
    assert count_operations(model)["MVN"] == 2 * LAYERS + 1
    assert count_operations(model)["ReduceMean"] == 0
    for name, values in compute(model).items():
        np.testing.assert_allclose(values, expected[name], atol=2e-6, err_msg=name)


def test_queries_keys_and_values_are_three_products(tiny_model: Path) -> None:
    model = read_openvino_model(tiny_model)
    expected, products = compute(model), count_operations(model)["MatMul"]
    assert separate_query_key_value(model) == LAYERS
    assert count_operations(model)["MatMul"] == products + 2 * LAYERS
    assert count_operations(model)["Split"] == 0
    for name, values in compute(model).items():
        np.testing.assert_allclose(values, expected[name], atol=2e-6, err_msg=name)


def test_layers_that_share_weights_go_on_sharing_them(tiny_model: Path) -> None:
    model = read_openvino_model(tiny_model)
    separate_query_key_value(model)
    kernels = [
        find_source(node, 1)
        for node in model.get_ordered_ops()
        if node.get_type_name() == "MatMul" and find_source(node, 1).get_type_name() == "Constant"
    ]
    square = [kernel for kernel in kernels if list(kernel.get_output_shape(0)) == [TINY.hidden_size] * 2]
    names = Counter(kernel.get_friendly_name() for kernel in square)
    # Query, key, value and the attention's output, for the two layers of the first group and the one of the second; the
    # pooler once.
    assert (LAYERS, TINY.num_hidden_groups) == (3, 2)
    assert sorted(names.values()) == [1, *[1] * 4, *[2] * 4]
