"""What this process may use of its machine: cores and memory, less what its container leaves it of them, and a GPU.

A container's limits are those of its control groups. A process is in one for each controller, and every group above it
limits it, too.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")
# Files of NVIDIA's driver, the last in Linux on Windows.
_GPU_DEVICES = ("dev/nvidiactl", "dev/nvidia0", "dev/dxg")


def count_cores(root: Path = _ROOT) -> int:
    """Returns how many cores this process may use, at least 1; a part of a core counts as one.

    Args:
      root: of the file system.
    """
    cores = count_bound_cores()
    return max(1, math.ceil(min([cores, *_list_quotas(root)])))


def count_bound_cores() -> int:
    """Returns how many cores this process may run on, whatever share of their time it gets."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def count_memory_bytes(root: Path = _ROOT) -> int:
    """Returns how many bytes of memory this process may use, those that are in use among them.

    Args:
      root: of the file system.
    """
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([installed, *_list_memory_limits(root)])


def has_gpu_device(root: Path = _ROOT) -> bool:
    """Returns whether NVIDIA's driver is there, which needs no library to be seen.

    Args:
      root: of the file system.
    """
    return any((root / device).exists() for device in _GPU_DEVICES)


def _list_quotas(root: Path) -> Iterator[float]:
    """Yields the cores that each group leaves, as microseconds of them in a period's microseconds."""
    for folder in _list_groups(root, "cpu"):
        numbers = [
            *_read_words(folder / "cpu.max"),
            *_read_words(folder / "cpu.cfs_quota_us"),
            *_read_words(folder / "cpu.cfs_period_us"),
        ]
        if len(numbers) == 2 and numbers[0].isdecimal() and int(numbers[1]):  # not `max`, and not -1
            yield int(numbers[0]) / int(numbers[1])


def _list_memory_limits(root: Path) -> Iterator[int]:
    for folder in _list_groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            yield from (int(word) for word in _read_words(folder / name) if word.isdecimal())


def _list_groups(root: Path, controller: str) -> Iterator[Path]:
    """Yields the folders of the groups that limit this process, in the second version of control groups or the first.

    Where a container sees its own group as the uppermost one, a path from outside is not there, and its parents are.
    """
    top = root / "sys/fs/cgroup"
    for line in _read_lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = top / controller if controllers else top
        folder = base / path.lstrip("/")
        yield from (above for above in (folder, *folder.parents) if above.is_relative_to(base))


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:  # this system has no such file
        return []


def _read_words(path: Path) -> list[str]:
    return [word for line in _read_lines(path) for word in line.split()]
