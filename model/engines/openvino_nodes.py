"""Walks through the operations of an OpenVINO model."""

from __future__ import annotations

from typing import Any


def find_source(node: Any, port: int) -> Any:
    """Returns the node that one of the inputs of a node comes from."""
    return node.input(port).get_source_output().get_node()


def find_sources(node: Any) -> list[Any]:
    """Returns the nodes that the inputs of a node come from, in their order."""
    return [port.get_source_output().get_node() for port in node.inputs()]
