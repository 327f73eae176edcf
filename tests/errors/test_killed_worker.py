"""A worker process that the system kills, as it does where memory runs out: what is said, and that the run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tiny_model import ROOT
from tests.waiting import wait_until

_PROCESSES = ("--direct_running_mode", "multi_processing", "--direct_num_workers", "2", "--shard-seconds", "0.1")


def find_workers(parent: int) -> Iterator[int]:
    """Yields Beam's worker processes below a process."""
    for child in _list_children(parent):
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"sdk_worker_main" in command and not command.startswith((b"/bin/sh", b"sh\0")):
            yield child
        yield from find_workers(child)


def _list_children(parent: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{parent}/task").glob("*/children"):
        found += map(int, thread.read_text().split())
    return found


@pytest.mark.integration
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds processes in /proc")
def test_a_worker_that_is_killed(tiny_model: Path, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("".join(f"line {line} of many, none of them equal to another\n" for line in range(60_000)))
    names = ("--model", str(tiny_model), "--input", str(source), "--output", str(output))
    command = [sys.executable, "-m", "albert_embed", "embed", *names, *_PROCESSES]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: list((output / "_staging").glob("*/index-*.parquet")), process=process)
    os.kill(next(find_workers(process.pid)), signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == 4 and "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith("albert-embed embed failed: RunFailedError: ")
    assert "a worker process has ended, killed perhaps because memory ran out: give a smaller --batch-tokens" in said
    assert not (output / "manifest.json").exists()
