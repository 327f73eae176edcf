"""Turns an export into int8 for OpenVINO: weights and, by ranges measured on texts, what they are multiplied with."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_embed.model.directory.model_directory import INT8_MODEL_FILE, REQUIRED_OUTPUT
from albert_embed.model.engines.compose_mapping import compose_mapping
from albert_embed.model.engines.import_openvino import import_openvino
from albert_embed.model.engines.openvino_engine import read_openvino_model
from albert_embed.model.engines.openvino_nodes import find_sources
from albert_embed.model.export.calibration import Inputs
from albert_embed.model.export.quantizable_graph import fuse_layer_norms, separate_query_key_value


def require_nncf() -> Any:
    """Imports NNCF, OpenVINO's library for quantisation, without its reports over the network.

    Raises:
      ImportError: if it is not installed.
    """
    os.environ.setdefault("NNCF_CI", "1")  # its only way to be told that nothing is to be sent
    try:
        import_openvino()
        import nncf
    except ImportError as e:
        raise ImportError(
            "--precision int8 needs the packages nncf and openvino; install albert-embed with the extra int8"
        ) from e
    return nncf


def write_int8_model(directory: Path, calibration: Sequence[Inputs]) -> None:
    """Writes the model of an export in int8 into the export's folder.

    The multiplications inside the layers get int8 inputs: weights by their own ranges, one for each output, everything
    else by the ranges that it has on the calibration batches, in each of the layers that share weights by itself. The
    rest stays in floating point. So do embeddings, and what is computed once for each text, such as the pooler: int8
    would gain no time there, and cost accuracy. And so does what comes before the first layer norm of the layers, 3 %
    of the multiplications of ALBERT-base: in trained weights a few values are far larger there than all others. In
    int8 these took the smallest cosine of the built-in model from 0.994 to 0.969.

    Args:
      directory: a float32 export.
      calibration: padded batches.
    """
    nncf, openvino = require_nncf(), import_openvino()
    model = read_openvino_model(directory)
    fuse_layer_norms(model)
    separate_query_key_value(model)
    compose_mapping(model)
    exact = [*_name_multiplications_once_a_text(model), *_name_multiplications_before_layer_norm(model)]
    lookups = [node.get_friendly_name() for node in model.get_ops() if node.get_type_name() == "Gather"]
    # `nncf.set_log_level` would also set the level of whatever handlers other programs have put there.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bars would stand among the command's result
        quantized = nncf.quantize(
            model,
            nncf.Dataset(calibration),
            subset_size=len(calibration),
            model_type=nncf.ModelType.TRANSFORMER,
            ignored_scope=nncf.IgnoredScope(names=[*lookups, *exact]),
            # Smoothing moves ranges from what is multiplied into its weights; layers that share these don't allow it.
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=-1)
            ),
        )
    path = directory / INT8_MODEL_FILE
    path.parent.mkdir()
    openvino.save_model(quantized, str(path), compress_to_fp16=False)


def _name_multiplications_once_a_text(model: Any) -> list[str]:
    """Returns the names of the matrix multiplications that the sequence output does not need."""
    needed = _find_ancestors(model.output(REQUIRED_OUTPUT).get_node())
    return [
        node.get_friendly_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "MatMul" and node.get_friendly_name() not in needed
    ]


def _name_multiplications_before_layer_norm(model: Any) -> list[str]:
    """Returns the names of the multiplications by weights that the first layer norm after an attention needs."""
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MVN":
            continue
        needed = _find_ancestors(node)
        if any(ancestor.get_type_name() == "Softmax" for ancestor in needed.values()):
            return [
                name
                for name, ancestor in needed.items()
                # Products of queries by keys, and of scores by values, have four axes.
                if ancestor.get_type_name() == "MatMul" and len(ancestor.get_output_partial_shape(0)) == 2
            ]
    return []


def _find_ancestors(node: Any) -> dict[str, Any]:
    """Returns everything that `node` is computed from, by its name."""
    found: dict[str, Any] = {}
    waiting = [node]
    while waiting:
        for source in find_sources(waiting.pop()):
            if source.get_friendly_name() not in found:
                found[source.get_friendly_name()] = source
                waiting.append(source)
    return found
