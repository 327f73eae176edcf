"""How many threads a worker process uses."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from albert_embed.transforms.process import worker_threads
from albert_embed.transforms.process.worker_threads import WorkerThreads, count_worker_processes

TENSORFLOW = "TF_NUM_INTRAOP_THREADS"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_threads, "count_cores", lambda: 8)
    monkeypatch.setattr(worker_threads, "count_bound_cores", lambda: 8)
    monkeypatch.setattr(worker_threads, "count_worker_processes", lambda: 3)
    monkeypatch.setenv(TENSORFLOW, "")
    monkeypatch.delenv(TENSORFLOW)
    worker_threads._choose.cache_clear()


@pytest.mark.parametrize(
    ("threads", "expected"),
    [
        (WorkerThreads(), None),
        (WorkerThreads(processes=2), 4),
        (WorkerThreads(processes=3), 2),
        (WorkerThreads(processes=20), 1),
        (WorkerThreads(processes=None), 1),
        (WorkerThreads(count_others=True), 2),
        (WorkerThreads(processes=4, count_others=True), 2),
        (WorkerThreads(given=5), 5),
        (WorkerThreads(given=5, processes=8, count_others=True), 5),
    ],
)
def test_cores_are_shared(threads: WorkerThreads, expected: int | None) -> None:
    copy = pickle.loads(pickle.dumps(threads))
    assert copy.limit() == expected
    assert os.environ.get(TENSORFLOW) == (None if expected is None else str(expected))


def test_a_container_that_gets_a_part_of_the_cores_uses_no_more_threads(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker_threads, "count_bound_cores", lambda: 64)
    with caplog.at_level("INFO"):
        assert WorkerThreads().limit() == 8
    assert os.environ[TENSORFLOW] == "8"
    assert caplog.messages == ["8 threads for a batch: so many of 64 cores are this container's"]


def test_a_process_keeps_its_first_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WorkerThreads(count_others=True).limit() == 2
    monkeypatch.setattr(worker_threads, "count_worker_processes", lambda: 1)
    assert WorkerThreads(count_others=True).limit() == 2


def test_the_users_environment_stands_unless_a_number_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TENSORFLOW, "6")
    WorkerThreads(processes=2).limit()
    assert os.environ[TENSORFLOW] == "6"
    WorkerThreads(given=2).limit()
    assert os.environ[TENSORFLOW] == "2"


@pytest.mark.parametrize("options", [{"given": 0}, {"processes": -1}])
def test_numbers_below_one_are_refused(options: dict[str, int]) -> None:
    [(name, value)] = options.items()
    with pytest.raises(ValueError, match=rf"^{name} must be at least 1, not {value}$"):
        WorkerThreads(**options)  # type: ignore[arg-type]


def test_workers_are_found_by_their_command_line(tmp_path: Path) -> None:
    for number, words in enumerate((["python", "-m", "apache_beam.runners.worker.sdk_worker_main"], ["sh"])):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "cmdline").write_bytes(b"\0".join(word.encode() for word in words))
    (tmp_path / "2").mkdir()
    assert count_worker_processes(tmp_path) == 1
    assert count_worker_processes(tmp_path / "none") == 0


@pytest.mark.integration
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="threads are counted in /proc")
def test_tensorflow_starts_no_more_threads() -> None:
    program = """
import sys
import tensorflow as tf
from albert_embed.transforms.process.worker_threads import WorkerThreads
WorkerThreads(given=int(sys.argv[1])).limit()
(tf.random.normal([300, 300]) @ tf.random.normal([300, 300])).numpy()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("Threads:")))
"""

    def count(threads: int) -> int:
        return int(subprocess.check_output([sys.executable, "-c", program, str(threads)], stderr=subprocess.DEVNULL))

    assert count(9) - count(1) == 8
