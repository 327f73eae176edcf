"""Lets the first layer multiply embeddings themselves, not what their mapping to the model's width makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from albert_embed.model.engines.openvino_nodes import find_source


def compose_mapping(model: Any) -> int:
    """Makes one multiplication of two in a row, of which the first widens its input; returns how often.

    ALBERT's embeddings are narrow (128 of 768 in base), and nothing stands between their mapping to the model's width
    and the first layer's queries, keys and values: (e·M + c)·W + b = e·(M·W) + (c·W + b). The mapping itself stays, for
    the residual. It saves 1.7 % of the multiplications of base; more time in int8 exports, which keep these in floating
    point.

    Args:
      model: an `openvino.Model` of an export, changed in place.
    """
    from openvino import opset13

    composed = 0
    for biased in model.get_ordered_ops():
        if not _is_dense(biased):
            continue
        product, bias = find_source(biased, 0), find_source(biased, 1)
        mapped, kernel = find_source(product, 0), find_source(product, 1)
        if not _is_dense(mapped):
            continue
        mapping, shift = find_source(mapped, 0), find_source(mapped, 1)
        first, second = _read(find_source(mapping, 1)), _read(kernel)
        if first.shape[0] >= first.shape[1]:
            continue
        precision = product.get_output_element_type(0)
        narrow = opset13.matmul(
            mapping.input(0).get_source_output(), opset13.constant(first @ second, precision), False, False
        )
        whole_bias = _read(shift).reshape(1, -1) @ second + _read(bias)
        biased.output(0).replace(opset13.add(narrow, opset13.constant(whole_bias, precision)).output(0))
        composed += 1
    return composed


def _is_dense(node: Any) -> bool:
    """Returns whether it multiplies a matrix of rows by a constant matrix and adds a constant."""
    if node.get_type_name() != "Add" or find_source(node, 1).get_type_name() != "Constant":
        return False
    product = find_source(node, 0)
    if product.get_type_name() != "MatMul" or find_source(product, 1).get_type_name() != "Constant":
        return False
    attributes = product.get_attributes()
    return not attributes["transpose_a"] and not attributes["transpose_b"]


def _read(constant: Any) -> np.ndarray:
    """Returns a constant in float64, whatever its precision: products are rounded once, at their end."""
    return np.asarray(constant.get_data(dtype=np.float32), np.float64)
