"""`WorkerThreads`: how many threads a worker process uses, where several share a machine."""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
from pathlib import Path

from albert_embed.transforms.process.usable_machine import count_bound_cores, count_cores

logger = logging.getLogger(__name__)

# TensorFlow reads it when it runs its first operation.
_TENSORFLOW_VARIABLE = "TF_NUM_INTRAOP_THREADS"
# What Beam's worker processes have in their command line, whichever runner starts them.
_WORKER_PROGRAM = b"sdk_worker_main"


@dataclasses.dataclass(frozen=True, kw_only=True)
class WorkerThreads:
    """How many threads a worker process uses for its batches; it is found out on the worker, whose cores count.

    Attributes:
      given: this many, whatever else the machine does; None shares the cores among the processes.
      processes: how many of the job's processes run on one machine, as far as the runner's options say; None means one
        for each core.
      count_others: whether to look for more of Beam's worker processes on the machine: two TaskManagers of Flink, or
        two pools of workers, know nothing of each other. They are seen where they are not in containers of their own.

    Raises:
      ValueError: if a number is less than 1.
    """

    given: int | None = None
    processes: int | None = 1
    count_others: bool = False

    def __post_init__(self) -> None:
        for name, value in (("given", self.given), ("processes", self.processes)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")

    def limit(self) -> int | None:
        """Returns the number, and tells it TensorFlow; None where the process has all cores that it sees to itself.

        TensorFlow has one number for the whole process, and takes it only before it runs its first operation. A process
        keeps the first number that it has found: later the other processes may be gone.
        """
        threads = _choose(self)
        if self.given is not None:
            os.environ[_TENSORFLOW_VARIABLE] = str(threads)
        elif threads is not None:
            os.environ.setdefault(_TENSORFLOW_VARIABLE, str(threads))
        return threads


@functools.cache
def _choose(wanted: WorkerThreads) -> int | None:
    if wanted.given is not None:
        return wanted.given
    cores = count_cores()
    processes = cores if wanted.processes is None else wanted.processes
    if wanted.count_others:
        processes = max(processes, count_worker_processes())
    if processes > 1:
        threads = max(1, cores // processes)
        logger.info("%d threads for a batch: %d cores for %d worker processes", threads, cores, processes)
        return threads
    seen = count_bound_cores()
    if cores == seen:
        return None
    # Libraries start a thread for each core that they see; those would share what the container is given.
    logger.info("%d threads for a batch: so many of %d cores are this container's", cores, seen)
    return cores


def count_worker_processes(processes: Path = Path("/proc")) -> int:
    """Returns how many worker processes of Beam run on this machine; 0 where the system has no `/proc`."""
    count = 0
    for command_line in processes.glob("[0-9]*/cmdline"):
        try:
            count += _WORKER_PROGRAM in command_line.read_bytes()
        except OSError:  # it has ended
            continue
    return count
