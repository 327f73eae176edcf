"""`BatchStreams`: an engine that computes several batches at once, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from albert_embed.model.engines.engine import Engine


class BatchStreams:
    """Gives an engine several batches at once. They share the model and, among them, the engine's cores.

    Beam's own threads (`--direct_running_mode multi_threading`) would need as many ranges of the input as threads, talk
    over ports that are open to the network, and go on computing after Ctrl-C. These wait for no more than a batch.

    Args:
      engine: thread-safe.
      streams: how many batches it computes at once.
    """

    def __init__(self, engine: Engine, streams: int) -> None:
        self.name = engine.name
        self._engine = engine
        self._threads = ThreadPoolExecutor(streams, thread_name_prefix="stream")

    def run(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> dict[str, np.ndarray]:
        """Returns the named outputs for a padded batch; see `model.engines.engine.Engine.run`."""
        return self._engine.run(inputs, outputs)

    def start(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> Future[dict[str, np.ndarray]]:
        """Begins to compute a padded batch when a thread is free; the future returns or raises what `run` would."""
        return self._threads.submit(self._engine.run, inputs, outputs)
