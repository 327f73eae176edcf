"""`BatchStreams`: computes batches in threads of its own, several at once, while the thread that gives them goes on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from albert_embed.model.engines.engine import Engine


class BatchStreams:
    """Threads that share a model and, among them, its engine's cores.

    Beam's own threads (`--direct_running_mode multi_threading`) would need as many ranges of the input as threads, talk
    over ports that are open to the network, and go on computing after Ctrl-C. These wait for no more than a batch.

    Args:
      engine: thread-safe.
      streams: how many batches it computes at once.

    Attributes:
      engine: as given.
      streams: as given.
    """

    def __init__(self, engine: Engine, streams: int) -> None:
        self.engine = engine
        self.streams = streams
        self._threads = ThreadPoolExecutor(streams, thread_name_prefix="stream")

    def start(self, inputs: Mapping[str, np.ndarray], outputs: Collection[str]) -> Future[dict[str, np.ndarray]]:
        """Begins to compute a padded batch when a thread is free; the future returns or raises what `Engine.run` does.

        Python waits for these threads when the program ends: what is not needed any more must be cancelled.
        """
        return self._threads.submit(self.engine.run, inputs, outputs)
