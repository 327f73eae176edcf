"""A stand-in for Dataflow for tests: the service and the jobs that it runs, each a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.emulators.servers import Emulators, free_port, run_server
from tests.tiny_model import ROOT
from tests.waiting import wait_until

_HERE = Path(__file__).parent
# An interpreter like that of a worker's image: with all that the project stands on.
WORKER = (sys.executable, str(_HERE / "dataflow_worker.py"))
RECORD_ONLY: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataflow:
    """A running service.

    Attributes:
      endpoint: where it listens.
      folder: of its jobs.
      environment: of processes that submit jobs.
    """

    endpoint: str
    folder: Path
    environment: Mapping[str, str]

    def release(self) -> None:
        """Lets the jobs start that wait for it, and all that follow."""
        released(self.folder).touch()

    def hold(self) -> None:
        """Lets the jobs that follow wait until they are released."""
        released(self.folder).unlink()

    def flags(self, bucket: str, *, name: str = "embed") -> list[str]:
        """Returns Beam's options to run the job `name` here, staged below `bucket`, a `gs://NAME`."""
        return [
            *("--runner", "DataflowRunner", "--dataflow_endpoint", self.endpoint, "--project", "test-project"),
            *("--region", "us-central1", "--job_name", name, "--sdk_container_image", "image.invalid/albert-embed:1"),
            *("--temp_location", f"{bucket}/tmp", "--staging_location", f"{bucket}/staging"),
        ]

    @property
    def jobs(self) -> list[DataflowJob]:
        """All jobs, in the order of their creation."""
        states = self.folder.glob("job-*/state")
        return [DataflowJob(folder=path.parent) for path in sorted(states, key=lambda path: path.stat().st_ctime_ns)]

    def wait_for_job(self, number: int = 0) -> DataflowJob:
        """Returns the job of a number, from 0, once it is there."""
        job = DataflowJob(folder=self.folder / f"job-{number}")
        wait_until((job.folder / "state").exists)
        return job


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataflowJob:
    """A job.

    Attributes:
      folder: where it is recorded: `job.json`, `pipeline.pb`, `state`, `worker.log`, `worker.pid`, `metrics.json`.
    """

    folder: Path

    @property
    def request(self) -> dict[str, Any]:
        """The job as it was submitted."""
        request: dict[str, Any] = json.loads((self.folder / "job.json").read_text())
        return request

    @property
    def request_bytes(self) -> int:
        """The size of the request that submitted it; the service refuses more than 10 MB."""
        return int((self.folder / "request_bytes").read_text())

    @property
    def options(self) -> dict[str, Any]:
        """Beam's options of the job."""
        options: dict[str, Any] = self.request["environment"]["sdkPipelineOptions"]["options"]
        return options

    @property
    def state(self) -> str:
        """Its state, such as `JOB_STATE_RUNNING`."""
        return (self.folder / "state").read_text()

    @property
    def log(self) -> str:
        """What its worker has printed."""
        return (self.folder / "worker.log").read_text(errors="replace")

    @property
    def staged_packages(self) -> dict[str, str]:
        """The name on a worker of each file that was staged for the job → its path, `gs://BUCKET/...`."""
        pools = self.request["environment"].get("workerPools", [])
        return {
            package["name"]: package["location"].replace("storage.googleapis.com/", "gs://", 1)
            for pool in pools
            for package in pool.get("packages", [])
        }

    def wait_until_ended(self) -> str:
        """Returns its state once it runs no more."""
        wait_until(lambda: self.state != "JOB_STATE_RUNNING")
        return self.state

    def kill_worker(self) -> None:
        """Kills its process, if it still runs."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self.folder / "worker.pid").read_text()), signal.SIGKILL)


def released(folder: Path) -> Path:
    """Returns the file for which the jobs of a service wait."""
    return folder / "released"


@contextlib.contextmanager
def run_dataflow(
    folder: Path,
    emulators: Emulators,
    *,
    worker: Sequence[str] = WORKER,
    repeats: bool = False,
    waits: bool = False,
) -> Iterator[Dataflow]:
    """Runs a service until the block is left; ends the jobs that still run by then.

    Args:
      folder: of its jobs.
      emulators: where buckets are.
      worker: the command that runs a job; `RECORD_ONLY` runs none.
      repeats: whether workers run each bundle twice, the first time for nothing, as the service does after a fault.
      waits: whether jobs wait for `Dataflow.release`, so that a test can do something first.
    """
    port = free_port()
    site, source = ROOT / "tests" / "emulators" / "site", ROOT / "src"
    submitting = {**os.environ, **emulators.environment, "PYTHONPATH": os.pathsep.join((str(site), str(source)))}
    with contextlib.ExitStack() as stack:
        command = [sys.executable, str(_HERE / "dataflow_service.py"), str(port), str(folder), *worker]
        dataflow = Dataflow(endpoint=f"http://localhost:{port}", folder=folder, environment=submitting)
        environment = dict(submitting)
        if repeats:
            environment["WORKER_REPEAT"] = "1"
        if waits:
            environment["WORKER_WAITS_FOR"] = str(released(folder))
        folder.mkdir(exist_ok=True)
        stack.enter_context(run_server(command, environment, dataflow.endpoint, folder / "service.log"))
        try:
            yield dataflow
        finally:
            for job in dataflow.jobs:
                if job.state == "JOB_STATE_RUNNING":
                    job.kill_worker()
