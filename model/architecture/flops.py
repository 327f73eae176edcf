"""How many floating-point operations an ALBERT encoder needs, counted as multiplications and additions.

Only matrix multiplications are counted, which are 99 per cent: the dense layers and attention's two products, over
every padded token, because that is what is computed. Layer norm, softmax, GELU and biases are left out.
"""

from __future__ import annotations

from albert_embed.model.architecture.config import AlbertConfig


def count_batch_flops(config: AlbertConfig, rows: int, length: int) -> int:
    """Returns the operations for a batch of `rows` rows padded to `length`."""
    hidden = config.hidden_size
    tokens = rows * length
    projections = 2 * tokens * hidden * hidden * 4  # query, key, value, output
    attention = 2 * tokens * length * hidden * 2  # scores, and their product with the values
    feed_forward = 2 * tokens * hidden * config.intermediate_size * 2
    layers = config.num_hidden_layers * config.inner_group_num
    mapping = 2 * tokens * config.embedding_size * hidden
    pooler = 2 * rows * hidden * hidden
    return mapping + layers * (projections + attention + feed_forward) + pooler
