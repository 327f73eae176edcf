"""How many cores and how much memory a process may use, by files of a container's limits below a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from albert_embed.transforms.process import usable_machine
from albert_embed.transforms.process.usable_machine import count_cores, count_memory_bytes, has_gpu_device

INSTALLED = 64 * 2**30


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usable_machine, "count_bound_cores", lambda: 64)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": INSTALLED // 4096}.__getitem__)


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({"proc/self/cgroup": "0::/\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 64),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"}, 4),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "20000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"}, 64),
        # A group above limits, too.
        (
            {
                "proc/self/cgroup": "0::/pods/one\n",
                "sys/fs/cgroup/pods/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/pods/one/cpu.max": "800000 100000\n",
            },
            3,
        ),
        # A container that sees its own group as the uppermost one.
        ({"proc/self/cgroup": "0::/from/outside\n", "sys/fs/cgroup/cpu.max": "500000 100000\n"}, 5),
        # The first version: a controller for each line; the second is there, too, without controllers.
        (
            {
                "proc/self/cgroup": "4:memory:/m\n3:cpuset:/\n2:cpu,cpuacct:/d\n0::/\n",
                "sys/fs/cgroup/cpu/d/cpu.cfs_quota_us": "600000\n",
                "sys/fs/cgroup/cpu/d/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            6,
        ),
    ],
)
def test_a_quota_leaves_fewer_cores(tmp_path: Path, files: dict[str, str], cores: int) -> None:
    write(tmp_path, files)
    assert count_cores(tmp_path) == cores


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, INSTALLED),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, INSTALLED),
        ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "8589934592\n"}, 8 * 2**30),
        (
            {
                "proc/self/cgroup": "4:memory:/a\n0::/\n",
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2147483648\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            2 * 2**30,
        ),
    ],
)
def test_a_limit_leaves_less_memory(tmp_path: Path, files: dict[str, str], limit: int) -> None:
    write(tmp_path, files)
    assert count_memory_bytes(tmp_path) == limit


def test_this_machine_has_a_core_and_some_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1 <= count_cores() <= (os.cpu_count() or 1)
    assert count_memory_bytes() > 2**20


@pytest.mark.parametrize("device", ["nvidiactl", "nvidia0", "dxg"])
def test_a_gpu_is_seen_by_the_files_of_its_driver(device: str, tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "null").touch()
    assert not has_gpu_device(tmp_path)
    (tmp_path / "dev" / device).touch()
    assert has_gpu_device(tmp_path)
