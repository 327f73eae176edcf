"""`OutputLock`: one run at a time, and a dead one holds nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.dataset.output_directory import OutputDirectory
from albert_embed.pipeline.storage import output_lock
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.storage.output_lock import LOCK_FILE, OutputLock
from tests.tiny_model import ROOT
from tests.waiting import wait_until

_HOLD = """
import sys, time
from albert_embed.pipeline.storage.output_lock import OutputLock
OutputLock(sys.argv[1]).acquire()
print("held", flush=True)
time.sleep(600)
"""


def test_the_second_run_is_refused_until_the_first_gives_back(tmp_path: Path) -> None:
    first, second = OutputLock(str(tmp_path)), OutputLock(str(tmp_path))
    first.acquire()
    with pytest.raises(OutputError) as error:
        second.acquire()
    assert f"{tmp_path} is being written by another run (process {os.getpid()} on " in str(error.value)
    assert "wait for it to end, or give another --output" in str(error.value)
    first.release()
    assert list(tmp_path.iterdir()) == []
    second.acquire()
    second.release()
    second.release()


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ}
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        lock = OutputLock(str(tmp_path))
        with pytest.raises(OutputError, match=rf"\(process {process.pid} on "):
            lock.acquire()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    lock.acquire()
    assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == os.getpid()
    lock.release()


def test_what_a_living_run_has_staged_is_left_alone(tmp_path: Path) -> None:
    running = OutputDirectory(str(tmp_path))
    running.prepare(overwrite=False)
    running.stage("run.json", "{}")
    (tmp_path / "_staging" / "part").write_text("hours of work")
    with pytest.raises(OutputError, match="is being written by another run"):
        OutputDirectory(str(tmp_path)).prepare(overwrite=True)
    assert (tmp_path / "_staging" / "part").read_text() == "hours of work"
    running.release()


def test_a_lock_without_the_operating_system_is_renewed_and_grows_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_lock, "_BEAT_SECONDS", 0.01)
    url = f"memory://{tmp_path}"
    opened = {"create": FileSystems.create, "open": FileSystems.open}
    for name, function in opened.items():
        monkeypatch.setattr(
            FileSystems, name, lambda path, *_, function=function, **__: function(path.removeprefix("memory://"))
        )
    monkeypatch.setattr(FileSystems, "exists", lambda path: os.path.exists(path.removeprefix("memory://")))
    monkeypatch.setattr(FileSystems, "join", lambda directory, name: f"{directory}/{name}")

    def delete(paths: list[str]) -> None:
        for path in paths:
            os.unlink(path.removeprefix("memory://"))

    monkeypatch.setattr(FileSystems, "delete", delete)
    file = tmp_path / LOCK_FILE

    def renewed() -> float:
        while True:
            try:
                return float(json.loads(file.read_text())["renewed"])
            except ValueError:  # caught while it was being written
                continue

    first, second = OutputLock(url), OutputLock(url)
    first.acquire()
    before = renewed()
    with pytest.raises(OutputError, match="is being written by another run"):
        second.acquire()
    wait_until(lambda: renewed() != before)
    first.release()
    assert not file.exists()

    monkeypatch.setattr(output_lock, "time", SimpleNamespace(time=lambda: 10_000.0))  # a clock that stands still
    file.write_text(json.dumps({"host": "elsewhere", "pid": 1, "renewed": 10_000.0 - 119}))
    with pytest.raises(OutputError, match=r"\(process 1 on elsewhere\)"):
        second.acquire()
    file.write_text(json.dumps({"host": "elsewhere", "pid": 1, "renewed": 10_000.0 - 121}))
    second.acquire()
    second.release()


@pytest.mark.parametrize("taken_again", [False, True])
def test_a_lock_of_a_file_that_was_removed_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_again: bool
) -> None:
    """The run before gives back, and a third one may take over, between the second's `open` and its `flock`."""
    first, second, third = (OutputLock(str(tmp_path)) for _ in range(3))
    first.acquire()
    flock = fcntl.flock

    def flock_late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        first.release()
        if taken_again:
            third.acquire()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    if taken_again:
        with pytest.raises(OutputError, match="is being written by another run"):
            second.acquire()
        third.release()
        second.acquire()
    else:
        second.acquire()
    assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == os.getpid()
    with pytest.raises(OutputError, match="is being written by another run"):
        OutputLock(str(tmp_path)).acquire()
    second.release()
    assert list(tmp_path.iterdir()) == []
