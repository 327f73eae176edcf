"""Chooses the maximum of padded tokens per batch, where the user does not give it."""

from __future__ import annotations

import logging

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

logger = logging.getLogger(__name__)

# On a CPU, large batches gain nothing once the matrices fill the cores. They lose where tensors leave the cache or are
# over 32 MiB: glibc's malloc maps such blocks anew for every operation, and each page is faulted in again.
# With ALBERT-base at length 512, 1,024 tokens keep every tensor below that (scores 25 MB, the feed-forward's 12.6 MB);
# on 4,096 tokens a softmax took not 4 but 9 times as long, an exp 16 times (benchmarks/NOTES.md).
CPU_BATCH_TOKENS = 1024
# A GPU needs enough rows to fill it; at ALBERT-base's size this many tokens need about 2 GB in float32.
GPU_BATCH_TOKENS = 16384


def choose_batch_tokens(given: int | None, *, max_tokens: int, beam_options: PipelineOptions) -> int:
    """Chooses the token budget of a batch: the one given, else by the device that runs the model, which is logged.

    Args:
      given: `--batch-tokens`.
      max_tokens: maximum tokens per row; the budget holds at least one such row.
      beam_options: say whether remote workers have an accelerator.
    """
    if given is not None:
        return given
    device = "GPU" if _has_gpu(beam_options) else "CPU"
    chosen = max(GPU_BATCH_TOKENS if device == "GPU" else CPU_BATCH_TOKENS, max_tokens)
    logger.info(
        "maximum padded tokens per batch: %d, chosen for a %s; --batch-tokens gives another number", chosen, device
    )
    return chosen


def _has_gpu(beam_options: PipelineOptions) -> bool:
    """Returns whether the workers have a GPU: by the options for Dataflow's workers, by TensorFlow for local ones."""
    services = beam_options.view_as(GoogleCloudOptions).dataflow_service_options or []
    if any("worker_accelerator" in service for service in services):
        return True
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
