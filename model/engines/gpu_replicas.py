"""`GpuReplicas`: a model on each of several GPUs of a machine, so that one process keeps all of them busy."""

from __future__ import annotations

import queue
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from albert_embed.model.engines.engine import Engine

# While one batch of a GPU is computed, the next is copied there.
BATCHES_PER_GPU = 2


class GpuReplicas:
    """An engine that gives each batch to a replica that is free. Thread-safe if the replicas are.

    Args:
      load: loads a replica on the device of a name.
      devices: the names; at least one.
    """

    def __init__(self, load: Callable[[str], Engine], devices: Sequence[str]) -> None:
        replicas = [load(device) for device in devices]
        self.name = replicas[0].name
        self._free: queue.SimpleQueue[Engine] = queue.SimpleQueue()
        for _ in range(BATCHES_PER_GPU):
            for replica in replicas:
                self._free.put(replica)

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns the named outputs for a padded batch; see `model.engines.engine.Engine.run`."""
        replica = self._free.get()
        try:
            return replica.run(inputs, outputs)
        finally:
            self._free.put(replica)
