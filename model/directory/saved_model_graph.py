"""What `saved_model.pb` says, read without loading the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError


def read_saved_model_graph(directory: Path) -> Any:
    """Reads `saved_model.pb` as it is (the message `SavedModel`).

    Raises:
      ValueError: if it can't be parsed.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    saved_model = saved_model_pb2.SavedModel()
    path = directory / "saved_model.pb"
    try:
        saved_model.ParseFromString(path.read_bytes())
    except DecodeError as e:
        raise ValueError(f"{path} is not a SavedModel: {e}") from e
    return saved_model


def read_signature_outputs(directory: Path, signature: str) -> frozenset[str]:
    """Reads the names of the outputs of a signature; none where there is no such signature.

    Raises:
      ValueError: if `saved_model.pb` can't be parsed.
    """
    graphs = read_saved_model_graph(directory).meta_graphs
    return frozenset(name for graph in graphs for name in graph.signature_def[signature].outputs)
