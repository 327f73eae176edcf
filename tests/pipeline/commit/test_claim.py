"""`Claim`: one run at a time, and a dead one holds nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit import claim
from albert_embed.pipeline.commit.claim import Claim, Claimant, release_claim
from albert_embed.pipeline.commit.run_name import make_run_name
from albert_embed.pipeline.commit.runner_job import RunnerJob
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.commit.transaction import Transaction
from albert_embed.pipeline.dataset.layout import CLAIM_FILE
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.create_file import create_file
from tests.tiny_model import ROOT
from tests.waiting import wait_until

NO_OPTIONS = PipelineOptions([])
OTHER = "20260102T030405Z-0123456789ab"

_HOLD = """
import sys, time
from apache_beam.options.pipeline_options import PipelineOptions
from albert_embed.pipeline.commit.claim import Claim
from albert_embed.pipeline.commit.run_name import make_run_name
Claim(sys.argv[1], make_run_name()).acquire(PipelineOptions([]))
print("held", flush=True)
time.sleep(600)
"""


def make_claim(directory: str) -> Claim:
    return Claim(directory, make_run_name())


def test_the_second_run_is_refused_until_the_first_gives_back(tmp_path: Path) -> None:
    first, second = make_claim(str(tmp_path)), make_claim(str(tmp_path))
    first.acquire(NO_OPTIONS)
    with pytest.raises(OutputError) as error:
        second.acquire(NO_OPTIONS)
    assert f"{tmp_path} is being written by another run (process {os.getpid()} on " in str(error.value)
    assert "wait for it to end, or give another --output" in str(error.value)
    first.release()
    assert list(tmp_path.iterdir()) == []
    second.acquire(NO_OPTIONS)
    second.release()
    second.release()


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ}
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        own = make_claim(str(tmp_path))
        with pytest.raises(OutputError, match=rf"\(process {process.pid} on "):
            own.acquire(NO_OPTIONS)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    own.acquire(NO_OPTIONS)
    assert json.loads((tmp_path / CLAIM_FILE).read_text())["pid"] == os.getpid()
    own.release()


def test_what_a_living_run_has_staged_is_left_alone(tmp_path: Path) -> None:
    running = Transaction(str(tmp_path))
    running.begin(overwrite=False)
    running.staging.write("part", b"hours of work")
    with pytest.raises(OutputError, match="is being written by another run"):
        Transaction(str(tmp_path)).begin(overwrite=True)
    assert running.staging.read("part") == b"hours of work"
    running.end()


class Clock:
    """A clock that stands still."""

    now = 10_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    standing = Clock()
    monkeypatch.setattr(claim, "time", standing)
    return standing


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder that the claim takes for a bucket's."""
    monkeypatch.setattr(claim, "is_remote", lambda _: True)
    return str(tmp_path)


def write_claim(directory: str, **changes: Any) -> None:
    fields: dict[str, Any] = {"run": OTHER, "host": "elsewhere", "pid": 1, "renewed": 10_000.0}
    Path(directory, CLAIM_FILE).write_bytes(Claimant(**{**fields, **changes}).to_json())


def test_a_claim_without_the_operating_system_is_renewed_and_grows_old(
    remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "_BEAT_SECONDS", 0.01)
    file = Path(remote, CLAIM_FILE)
    first, second = make_claim(remote), make_claim(remote)
    first.acquire(NO_OPTIONS)
    before = json.loads(file.read_bytes())["renewed"]
    with pytest.raises(OutputError, match="is being written by another run"):
        second.acquire(NO_OPTIONS)
    wait_until(lambda: json.loads(file.read_bytes())["renewed"] != before)
    first.release()
    assert not file.exists()


def test_a_claim_that_was_not_renewed_is_that_of_a_dead_program(remote: str, clock: Clock) -> None:
    write_claim(remote, renewed=clock.now - 119)
    with pytest.raises(OutputError, match=r"\(process 1 on elsewhere\)"):
        make_claim(remote).acquire(NO_OPTIONS)
    write_claim(remote, renewed=clock.now - 121)
    second = make_claim(remote)
    second.acquire(NO_OPTIONS)
    second.release()


@pytest.mark.parametrize("on_a_bucket", [False, True])
@pytest.mark.parametrize(
    ("alive", "age", "refused"),
    [
        (True, 10_000, True),  # the runner says so, whatever the age
        (False, 200, False),
        (None, 200, True),  # nobody knows, but it has written lately
        (None, 1900, False),
    ],
)
def test_a_job_holds_the_claim_of_a_program_that_died(
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    on_a_bucket: bool,
    alive: bool | None,
    age: int,
    refused: bool,
) -> None:
    monkeypatch.setattr(claim, "is_remote", lambda _: on_a_bucket)
    monkeypatch.setattr(RunnerJob, "is_alive", lambda *_: alive)
    write_claim(str(tmp_path), renewed=0.0, runner="DataflowRunner", job_id="job-7")
    staged = StagingFolder(directory=str(tmp_path), run=OTHER)
    staged.write("embeddings-1.tfrecord", b"rows")
    os.utime(staged.join("embeddings-1.tfrecord"), (clock.now - age, clock.now - age))
    second = make_claim(str(tmp_path))
    if refused:
        with pytest.raises(OutputError, match=r"another run \(the job job-7 on DataflowRunner\)"):
            second.acquire(NO_OPTIONS)
        assert staged.read("embeddings-1.tfrecord") == b"rows"
    else:
        second.acquire(NO_OPTIONS)
        second.release()


def test_a_claim_that_is_left_to_its_job_stays_until_that_releases_it(tmp_path: Path) -> None:
    run = make_run_name()
    first = Claim(str(tmp_path), run)
    first.acquire(NO_OPTIONS)
    first.note_job(RunnerJob(runner="FlinkRunner", job_id="job-1"))
    first.leave()
    claimant = Claimant.from_json((tmp_path / CLAIM_FILE).read_bytes())
    assert claimant is not None and claimant.job == RunnerJob(runner="FlinkRunner", job_id="job-1")
    with pytest.raises(OutputError, match="the job job-1 on FlinkRunner"):  # nobody can be asked, and it is fresh
        make_claim(str(tmp_path)).acquire(NO_OPTIONS)
    release_claim(str(tmp_path), make_run_name())
    assert (tmp_path / CLAIM_FILE).exists()
    release_claim(str(tmp_path), run)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken_again", [False, True])
def test_a_lock_of_a_file_that_was_removed_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken_again: bool
) -> None:
    """The run before gives back, and a third one may take over, between the second's `open` and its `flock`."""
    first, second, third = (make_claim(str(tmp_path)) for _ in range(3))
    first.acquire(NO_OPTIONS)
    flock = fcntl.flock

    def flock_late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        first.release()
        if taken_again:
            third.acquire(NO_OPTIONS)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_late)
    if taken_again:
        with pytest.raises(OutputError, match="is being written by another run"):
            second.acquire(NO_OPTIONS)
        third.release()
        second.acquire(NO_OPTIONS)
    else:
        second.acquire(NO_OPTIONS)
    assert json.loads((tmp_path / CLAIM_FILE).read_text())["pid"] == os.getpid()
    with pytest.raises(OutputError, match="is being written by another run"):
        make_claim(str(tmp_path)).acquire(NO_OPTIONS)
    second.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("age", "refused"), [(200, True), (1900, False)])
def test_a_job_may_be_there_though_its_program_died_while_it_submitted_it(
    tmp_path: Path, clock: Clock, age: int, refused: bool
) -> None:
    first = make_claim(str(tmp_path))
    first.acquire(NO_OPTIONS)
    first.note_submission("DataflowRunner")
    first.leave()  # as if it were killed
    clock.now += age
    second = make_claim(str(tmp_path))
    if not refused:
        second.acquire(NO_OPTIONS)
        second.release()
        return
    with pytest.raises(OutputError) as error:
        second.acquire(NO_OPTIONS)
    assert f"(process {os.getpid()} on " in str(error.value)
    assert ", which was submitting a job to DataflowRunner); wait for it to end" in str(error.value)
    assert str(error.value).endswith(
        f"Nobody can be asked whether it is alive; if it is not, remove {tmp_path}/{CLAIM_FILE}"
    )
    (tmp_path / CLAIM_FILE).unlink()
    second.acquire(NO_OPTIONS)
    second.release()


@pytest.mark.parametrize("content", [None, b"half of"])
def test_of_two_that_find_no_claim_at_the_same_moment_one_is_refused(
    remote: str, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:  # what is no claim is replaced
        Path(remote, CLAIM_FILE).write_bytes(content)
        own = make_claim(remote)
        own.acquire(NO_OPTIONS)
        assert json.loads(Path(remote, CLAIM_FILE).read_bytes())["pid"] == os.getpid()
        own.release()
        return
    first, second = make_claim(remote), make_claim(remote)
    create = create_file

    def come_second(path: str, content: bytes) -> bool:
        monkeypatch.setattr(claim, "create_file", create)
        first.acquire(NO_OPTIONS)
        return create(path, content)

    monkeypatch.setattr(claim, "create_file", come_second)
    with pytest.raises(OutputError, match="is being written by another run"):
        second.acquire(NO_OPTIONS)
    first.release()
    assert list(Path(remote).iterdir()) == []


def test_a_claim_that_another_run_has_taken_over_is_not_taken_back(
    remote: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as by a laptop that was closed for a while: the other one is alive, and must not look dead."""
    monkeypatch.setattr(claim, "_BEAT_SECONDS", 0.01)
    first = make_claim(remote)
    first.acquire(NO_OPTIONS)

    def has_noticed() -> bool:
        write_claim(remote)  # again: the first may have been between its look and its renewal
        return first._thread is not None and not first._thread.is_alive()

    wait_until(has_noticed)
    assert f"{remote} has been claimed by another run (process 1 on elsewhere)" in caplog.text
    first.release()
    assert json.loads(Path(remote, CLAIM_FILE).read_bytes())["run"] == OTHER
