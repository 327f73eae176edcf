"""The options of `embed` for GPUs on Dataflow."""

from __future__ import annotations

from albert_embed.pipeline.console.option import Option
from albert_embed.pipeline.settings.embed_options import GPU_POOLS

GPU_OPTIONS = (
    Option(
        flag="--gpu",
        metavar="TYPE[:COUNT]",
        help="GPUs of each worker on Dataflow, such as l4 or a100:2; sets what the workers need for them",
    ),
    Option(
        flag="--gpu-pool",
        choices=GPU_POOLS,
        default="whole",
        help="which workers get the GPUs: the whole pool, or those of the model's step alone (inference)",
    ),
)
