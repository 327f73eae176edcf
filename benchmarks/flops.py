"""The dense multiplications of an ALBERT layer, for the rate that a machine does such multiplications at."""

from __future__ import annotations

from albert_embed.model.architecture.config import AlbertConfig


def layer_shapes(config: AlbertConfig) -> list[tuple[int, int]]:
    """Returns `(inputs, outputs)` of a layer's dense multiplications, query, key and value as one."""
    hidden, intermediate = config.hidden_size, config.intermediate_size
    return [(hidden, 3 * hidden), (hidden, hidden), (hidden, intermediate), (intermediate, hidden)]
