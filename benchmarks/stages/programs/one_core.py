"""Ties a process to one core, and measures what it does there."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator

import tensorflow as tf


def use_one_core() -> None:
    """Ties this process and TensorFlow's threads to one core; call it before TensorFlow has run anything."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


@dataclasses.dataclass
class Clock:
    """Adds up what `with clock.measure():` blocks take.

    Attributes:
      cpu_seconds: of this process, all threads: what the work costs a core that nobody else uses.
      wall_seconds: other programs' share of the core, and waiting for the disk, included.
    """

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    @contextlib.contextmanager
    def measure(self) -> Iterator[None]:
        """Adds what the `with` block takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.cpu_seconds += time.process_time() - cpu
        self.wall_seconds += time.perf_counter() - wall
