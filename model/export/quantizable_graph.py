"""Gives the graph of an export the shape in which OpenVINO computes the most of it in int8."""

from __future__ import annotations

from typing import Any

import numpy as np

from albert_embed.model.engines.openvino_nodes import find_source, find_sources


def fuse_layer_norms(model: Any) -> int:
    """Makes one operation of each layer norm's subtraction, variance and division; returns how many there were.

    OpenVINO fuses them itself, but not where quantisation has put a rounding between them: its own would then be four
    passes over the values in float32, 13 of 270 ms for 1,024 tokens of ALBERT-base on one core.

    Args:
      model: an `openvino.Model` of an export, changed in place.
    """
    from openvino import opset13

    fused = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Multiply":
            continue
        centred, scale = find_sources(node)
        if (centred.get_type_name(), scale.get_type_name()) != ("Subtract", "Power"):
            continue
        variance = find_source(scale, 0)  # with epsilon added
        (epsilon,) = (term for term in find_sources(variance) if term.get_type_name() == "Constant")
        normalized = opset13.mvn(
            centred.input(0).get_source_output(),
            opset13.constant(np.array([-1], np.int64)),
            True,
            float(epsilon.data.item()),
            "INSIDE_SQRT",
        )
        node.output(0).replace(normalized.output(0))
        fused += 1
    return fused


def separate_query_key_value(model: Any) -> int:
    """Makes three multiplications of each layer's one for queries, keys and values; returns how many there were.

    One product is split into three later, and only then rounded, each part by its own range: that leaves 2,304 numbers
    of a token in float32 to be written, split and read. Three products are rounded where they are made: 11 of 259 ms
    for 1,024 tokens of ALBERT-base on one core. Layers that share weights go on sharing them.

    Args:
      model: an `openvino.Model` of an export, changed in place.
    """
    from openvino import opset13

    parts: dict[tuple[str, str], list[tuple[Any, Any]]] = {}
    separated = 0
    for split in model.get_ordered_ops():
        if split.get_type_name() != "Split":
            continue
        reshape = find_source(split, 0)  # to [batch, length, 3, heads, size]
        biased = find_source(reshape, 0)
        product = find_source(biased, 0)
        kernel, bias = find_source(product, 1), find_source(biased, 1)
        name = (kernel.get_friendly_name(), bias.get_friendly_name())
        if name not in parts:
            count = split.get_attributes()["num_splits"]
            parts[name] = [
                (opset13.constant(np.ascontiguousarray(columns)), opset13.constant(np.ascontiguousarray(values)))
                for columns, values in zip(
                    np.split(kernel.data, count, axis=1), np.split(bias.data, count), strict=True
                )
            ]
        shape = opset13.gather(
            reshape.input(1).get_source_output(),
            opset13.constant(np.array([0, 1, 3, 4], np.int32)),
            opset13.constant(np.int32(0)),
        )
        for output, (columns, values) in zip(split.outputs(), parts[name], strict=True):
            part = opset13.matmul(product.input(0).get_source_output(), columns, False, False)
            part = opset13.reshape(opset13.add(part, values), shape, False)
            part = opset13.transpose(part, opset13.constant(np.array([0, 2, 1, 3], np.int64)))
            _last_of(output).replace(part.output(0))
        separated += 1
    return separated


def _last_of(output: Any) -> Any:
    """Returns the output `[batch, heads, length, size]` that is made of a part `[batch, length, 1, heads, size]`."""
    for _ in ("Squeeze", "Transpose"):
        (target,) = output.get_target_inputs()
        output = target.get_node().output(0)
    return output
