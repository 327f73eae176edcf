"""Counts of several processes, added up while they run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from albert_embed.transforms.process.live_counts import FOLDER_VARIABLE, LiveCounts, share_counts
from albert_embed.transforms.steps import metrics

_COUNT = """
from albert_embed.transforms.steps import metrics
for name, by in (("documents", 3), ("tokens", 40), ("write_usecs", 7)):
    metrics.increment(name, by)
"""


def test_processes_and_threads_are_added_up() -> None:
    counts = LiveCounts(("a", "b"))
    with share_counts() as folder:
        assert counts.read(folder) == {}

        def count() -> None:
            for _ in range(1000):
                counts.add("a", 2)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts.add("unknown", 5)
        other = LiveCounts(("a", "b"))
        other.add("b", 1)
        assert counts.read(folder) == {"a": 8000, "b": 1}
        assert len(list(Path(folder).iterdir())) == 2
    assert counts.read(folder) == {} and not Path(folder).exists()


def test_each_run_counts_from_nothing() -> None:
    counts = LiveCounts(("a",))
    counts.add("a", 5)  # nobody watches
    for expected in (1, 2):
        with share_counts() as folder:
            counts.add("a", expected)
            assert counts.read(folder) == {"a": expected}


def test_worker_processes_inherit_the_folder() -> None:
    with share_counts() as folder:
        metrics.increment(metrics.DOCUMENTS, 2)
        subprocess.run([sys.executable, "-c", _COUNT], check=True)
        found = metrics.live_counts.read(folder)
    assert (found["documents"], found["tokens"], found["rows"]) == (5, 40, 0)
    assert "write_usecs" not in found


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in ("/earlier", None):
        monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
        if before is not None:
            monkeypatch.setenv(FOLDER_VARIABLE, before)
        with share_counts() as folder:
            assert os.environ[FOLDER_VARIABLE] == folder
        assert os.environ.get(FOLDER_VARIABLE) == before


def test_a_folder_that_is_not_there_stops_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    LiveCounts(("a",)).add("a", 1)
    assert LiveCounts(("a",)).read(str(tmp_path / "nowhere")) == {}


def test_a_file_that_is_not_whole_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    counts = LiveCounts(("a", "b"))
    counts.add("a", 1)
    (tmp_path / "other").write_bytes(b"123")
    assert counts.read(str(tmp_path)) == {"a": 1, "b": 0}
