"""A SavedModel as OpenVINO can read it: without constants in bfloat16, and the signature that is wanted first."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, MutableSequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2, types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from albert_embed.model.directory.model_directory import DEFAULT_SIGNATURE, SAVED_MODEL_FILE, TOKENS_SIGNATURE


@contextlib.contextmanager
def readable_by_openvino(directory: Path, signature: str = TOKENS_SIGNATURE) -> Iterator[Path]:
    """Yields `directory`, or while the `with` block runs a copy of its graph beside links to its other files.

    OpenVINO names inputs and outputs by one signature alone, that of `serving_default`, which is `tokens`. In the copy
    it is the wanted one.

    OpenVINO 2026.4 reads bfloat16 variables, but for a constant it says "unknown element type bf16". TensorFlow fuses
    GELU only where its constants are plain ones (without that, it is 10 % slower on AVX-512). So the export keeps them,
    and they become float32 constants with a cast here.
    """
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((directory / SAVED_MODEL_FILE).read_bytes())
    replaced = 0
    for meta_graph in saved_model.meta_graphs:
        if signature != TOKENS_SIGNATURE:
            meta_graph.signature_def[DEFAULT_SIGNATURE].CopyFrom(meta_graph.signature_def[signature])
        replaced += replace_bfloat16_constants(meta_graph.graph_def.node)
        for function in meta_graph.graph_def.library.function:
            replaced += replace_bfloat16_constants(function.node_def, in_function=True)
    if not replaced and signature == TOKENS_SIGNATURE:
        yield directory
        return
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        for entry in directory.iterdir():
            if entry.name != SAVED_MODEL_FILE:
                (copy / entry.name).symlink_to(entry.resolve())
        (copy / SAVED_MODEL_FILE).write_bytes(saved_model.SerializeToString())
        yield copy


def replace_bfloat16_constants(nodes: MutableSequence[node_def_pb2.NodeDef], *, in_function: bool = False) -> int:
    """Makes each bfloat16 constant among `nodes` a cast of the same name from a float32 one, and returns how many.

    Args:
      nodes: of a graph, or of a function's body, where inputs name the output too.
    """
    constants = [node for node in nodes if node.op == "Const" and node.attr["dtype"].type == types_pb2.DT_BFLOAT16]
    for node in constants:
        value = tf.make_ndarray(node.attr["value"].tensor).astype(np.float32)
        source = node_def_pb2.NodeDef(name=f"{node.name}/float32", op="Const", input=node.input, device=node.device)
        source.attr["dtype"].type = types_pb2.DT_FLOAT
        source.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        nodes.append(source)
        node.op = "Cast"
        del node.input[:]
        node.input.append(f"{source.name}:output:0" if in_function else source.name)
        node.attr.clear()
        node.attr["SrcT"].type = types_pb2.DT_FLOAT
        node.attr["DstT"].type = types_pb2.DT_BFLOAT16
    return len(constants)
