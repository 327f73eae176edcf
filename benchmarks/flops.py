"""How many floating-point operations an ALBERT encoder needs, counted as multiplications and additions.

Counted are the matrix multiplications, which are all but a per cent: the dense layers and attention's two products,
over every padded token, because that is what is computed. Layer norm, softmax, GELU and biases are left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def batch_flops(config: dict[str, Any], rows: int, length: int) -> int:
    """Operations for a batch of `rows` rows padded to `length`; `config` is a Hugging Face `config.json`."""
    embedding, hidden, intermediate = config["embedding_size"], config["hidden_size"], config["intermediate_size"]
    tokens = rows * length
    projections = 2 * tokens * hidden * hidden * 4  # query, key, value, output
    attention = 2 * tokens * length * hidden * 2  # scores, and their product with the values
    feed_forward = 2 * tokens * hidden * intermediate * 2
    layers = config["num_hidden_layers"] * config["inner_group_num"]
    mapping = 2 * tokens * embedding * hidden
    pooler = 2 * rows * hidden * hidden
    return mapping + layers * (projections + attention + feed_forward) + pooler


def layer_shapes(config: dict[str, Any]) -> list[tuple[int, int]]:
    """`(inputs, outputs)` of a layer's dense multiplications, query, key and value as one."""
    hidden, intermediate = config["hidden_size"], config["intermediate_size"]
    return [(hidden, 3 * hidden), (hidden, hidden), (hidden, intermediate), (intermediate, hidden)]


def read_config(model: Path) -> dict[str, Any]:
    """The `config.json` of a Hugging Face directory."""
    config: dict[str, Any] = json.loads((model / "config.json").read_text(encoding="utf-8"))
    return config
