"""Starts the emulators, each a process of its own on a free port of 127.0.0.1, and stops them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

# Made by `make test`; inside the environment of the tests, so that it goes when that goes.
PYTHON = Path(sys.prefix) / "emulators" / "bin" / "python"
_START_SECONDS = 1800.0  # for hangs alone
_QUIET = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Emulators:
    """Where the two servers listen.

    Attributes:
      storage: URL of the bucket server.
      bigquery: URL of BigQuery's REST API.
      bigquery_storage: host and port of its Storage Read and Write API.
    """

    storage: str
    bigquery: str
    bigquery_storage: str

    @property
    def environment(self) -> dict[str, str]:
        """Returns the environment variables that direct clients to them; the last is for `tests.emulators.clients`."""
        return {
            "STORAGE_EMULATOR_HOST": self.storage,
            "BIGQUERY_EMULATOR_HOST": self.bigquery,
            "TEST_BIGQUERY_STORAGE_HOST": self.bigquery_storage,
            "GOOGLE_CLOUD_PROJECT": "test-project",
            **_QUIET,
        }

    def take_storage_requests(self) -> list[str]:
        """Returns what the bucket server has been asked since the last time, each as `METHOD PATH`."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.storage}/requests") as answer:
            requests: list[str] = json.loads(answer.read())
        return requests


@contextlib.contextmanager
def run_emulators(folder: Path) -> Iterator[Emulators]:
    """Runs both servers with their data below `folder`; BigQuery loads from the files of the bucket server."""
    storage_port, rest_port, grpc_port = (free_port() for _ in range(3))
    emulators = Emulators(
        storage=f"http://127.0.0.1:{storage_port}",
        bigquery=f"http://127.0.0.1:{rest_port}",
        bigquery_storage=f"127.0.0.1:{grpc_port}",
    )
    environment = {
        **os.environ,
        **_QUIET,
        "BQEMU_GCS_LOCAL_ROOT": str(folder / ".cloudstorage"),  # where gcp-storage-emulator keeps objects
        "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",  # they are downloaded, and not needed for Parquet
        "BQEMU_LOG_LEVEL": "warning",
        "BQEMU_UPLOAD_STAGING_DIR": str(folder / "uploads"),
    }
    storage_command = [str(PYTHON), str(Path(__file__).with_name("serve_storage.py")), str(storage_port), str(folder)]
    bigquery_command = [
        *(str(PYTHON), str(Path(__file__).with_name("serve_bigquery.py")), "start", "--ephemeral"),
        *("--rest-port", str(rest_port), "--grpc-port", str(grpc_port), "--project", "test-project"),
    ]
    with (
        run_server(storage_command, environment, emulators.storage, folder / "storage.log"),
        run_server(bigquery_command, environment, emulators.bigquery, folder / "bigquery.log"),
    ):
        yield emulators


@contextlib.contextmanager
def run_server(command: list[str], environment: dict[str, str], url: str, log: Path) -> Iterator[None]:
    """Runs a server, from when it answers at `url` until the block is left."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_for(process, url, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            opener.open(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} did not answer at {url} within {_START_SECONDS} s: {log.read_text()[-2000:]}")


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nothing uses now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
