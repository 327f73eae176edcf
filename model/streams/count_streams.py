"""How many batches a CPU should compute at once: two, and more with many cores, as far as there is memory for them."""

from __future__ import annotations

# One batch of 1,024 tokens keeps two cores busy for 0.8 of what they can multiply (benchmarks/NOTES.md). But each of
# its operations ends when the last core has done its part, and a part shrinks with every core: ALBERT-base's layer norm
# takes 2 ms of one core, the largest multiplication 6 to 60. Four cores leave parts of half a millisecond and more,
# beside which the wait for each other, some 20 µs, is little; on 64 the layer norm would be as short as the wait. This
# is reckoned, not measured: no machine with more than two cores was at hand.
CORES_PER_STREAM = 4
# Two cores that compute a batch each never wait for each other: 1.09 to 1.12 times the tokens a second of one batch on
# both in int8, 0.99 to 1.10 in bfloat16, 1.03 to 1.11 for TensorFlow in float32, 1.00 to 1.04 for OpenVINO
# (benchmarks/NOTES.md).
MIN_STREAMS = 2
# The share of the memory for batches: the rest is for the model, for what is read, and for the rows that are written.
_SHARE_FOR_BATCHES = 0.5


def count_streams(*, cores: int, memory_bytes: int, batch_bytes: int) -> int:
    """Returns how many batches to compute at once, at least 1.

    Args:
      cores: that the process uses.
      memory_bytes: that it may use.
      batch_bytes: what one batch takes while it is computed.
    """
    by_cores = max(min(cores, MIN_STREAMS), cores // CORES_PER_STREAM)
    by_memory = int(_SHARE_FOR_BATCHES * memory_bytes / batch_bytes)
    return max(1, min(by_cores, by_memory))
