"""A Flink cluster on this machine: one JobManager, TaskManagers, and Beam's job server, all on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from deploy.flink.fetch import HERE, fetch_flink, fetch_job_server, find_program
from deploy.flink.loopback import die_with_parent, open_loopback
from deploy.flink.start_worker import FOLDER_VARIABLE

ROOT = HERE.parent.parent
_START_SECONDS = 600.0  # for hangs alone
_EXPORTS = (
    *("java.base/sun.net.util", "java.rmi/sun.rmi.registry", "jdk.compiler/com.sun.tools.javac.api"),
    "java.security.jgss/sun.security.krb5",
)
_OPENS = (
    *("java.base/java.lang", "java.base/java.net", "java.base/java.io", "java.base/java.nio", "java.base/sun.nio.ch"),
    *("java.base/java.lang.reflect", "java.base/java.lang.invoke", "java.base/java.text", "java.base/java.time"),
    *("java.base/java.util", "java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic"),
    "java.base/java.util.concurrent.locks",
)
_JAVA = (
    *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTS),
    *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENS),
    "-XX:+UseSerialGC",
)
_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1} %m%n%throwable{20}
"""


class LocalCluster:
    """A running cluster.

    Args:
      folder: for its settings, logs and temporary files.
      network: what to put before a command to run it in the cluster's network.
      task_managers: how many TaskManagers to start, each with one slot.
      worker_environment: what Python workers have in their environment besides.
    """

    def __init__(
        self, folder: Path, network: Sequence[str], *, task_managers: int, worker_environment: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.network = tuple(network)
        self._worker_environment = worker_environment
        self._flink = sorted(fetch_flink().glob("*.jar"))
        self._job_server = sorted(fetch_job_server().glob("*.jar"))
        self._java = find_program("java")
        self._rest, self._rpc, self._blobs, self._jobs, self._artifacts = _free_ports(5)
        self._workers = folder / "workers"
        self._task_managers = task_managers
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def flags(self) -> list[str]:
        """The options to run a job here."""
        environment = json.dumps({"command": str(self.folder / "start_worker.sh")})
        return [
            *("--runner", "PortableRunner", "--job_endpoint", f"127.0.0.1:{self._jobs}"),
            *("--environment_type", "PROCESS", "--environment_config", environment),
            *("--environment_cache_millis", "60000", "--parallelism", str(self._task_managers)),
            "--shared-filesystem",
        ]

    @property
    def task_managers(self) -> dict[str, int]:
        """The name of each TaskManager → its process id."""
        return {name: process.pid for name, process in self._processes.items() if name.startswith("taskmanager")}

    def list_workers(self) -> dict[int, int]:
        """Returns the process id of each Python worker that runs → that of the TaskManager that has started it."""
        found = {}
        for file in self._workers.glob("*"):
            if file.name.isdigit() and _is_worker(int(file.name)):
                found[int(file.name)] = int(json.loads(file.read_text())["parent"])
        return found

    def start(self) -> None:
        """Starts all of its processes, and returns when they are ready.

        Raises:
          RuntimeError: if one ends instead.
        """
        self._write_settings()
        cluster = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
        self._start("jobmanager", ["-Xmx700m"], self._flink, cluster, ["--configDir", str(self.folder / "conf")])
        for number in range(self._task_managers):
            self.start_task_manager(f"taskmanager-{number}")
        self._wait("jobmanager", "Web frontend listening at")
        self._start(
            "job-server",
            ["-Xmx700m"],
            self._job_server,
            "org.apache.beam.runners.flink.FlinkJobServerDriver",
            [
                *("--job-host=127.0.0.1", f"--job-port={self._jobs}", f"--artifact-port={self._artifacts}"),
                *("--expansion-port=0", f"--artifacts-dir={self.folder / 'artifacts'}"),
                f"--flink-master=127.0.0.1:{self._rest}",
            ],
        )
        self._wait("job-server", "JobService started on")
        for name in self.task_managers:
            self._wait(name, "Successful registration at resource manager")

    def start_task_manager(self, name: str) -> None:
        """Starts a TaskManager; it is ready a little later."""
        sizes = {
            "task.heap.size": "350m",
            "task.off-heap.size": "0b",
            "managed.size": "256m",
            "framework.heap.size": "128m",
            "framework.off-heap.size": "128m",
            "jvm-metaspace.size": "256m",
            "jvm-overhead.min": "192m",
            "jvm-overhead.max": "192m",
        }
        memory = [f"-Dtaskmanager.memory.{key}={size}" for key, size in sizes.items()]
        runner = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        settings = ["--configDir", str(self.folder / "conf"), "-Dtaskmanager.cpu.cores=1", *memory]
        heap = ["-Xmx500m", "-XX:MaxDirectMemorySize=800m"]
        self._start(name, heap, self._flink, runner, [*settings, f"-Dtaskmanager.resource-id={name}"])

    def stop(self) -> None:
        """Kills all of its processes and its Python workers, each by its id."""
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        self.kill_workers()

    def kill_workers(self) -> None:
        """Kills the Python workers that still run."""
        for worker in self.list_workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def describe(self) -> str:
        """Returns the end of each process's log, and of each worker's."""
        logs = [*(self.folder / "log").glob("*.log"), *self._workers.glob("*.log")]
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in sorted(logs))

    def _write_settings(self) -> None:
        for name in ("conf", "log", "tmp", "artifacts", "workers"):
            (self.folder / name).mkdir(parents=True)
        settings = {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.bind-host": "127.0.0.1",
            "jobmanager.rpc.port": self._rpc,
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self._rest,
            "blob.server.port": self._blobs,
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "io.tmp.dirs": self.folder / "tmp",
            "parallelism.default": self._task_managers,
        }
        text = (HERE / "flink-conf.yaml").read_text() + "".join(f"{key}: {value}\n" for key, value in settings.items())
        (self.folder / "conf" / "flink-conf.yaml").write_text(text)
        (self.folder / "conf" / "log4j.properties").write_text(_LOGGING)
        environment = {
            FOLDER_VARIABLE: str(self._workers),
            "PYTHONPATH": str(ROOT / "src"),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **self._worker_environment,
        }
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
        start = f'exec {shlex.quote(sys.executable)} {shlex.quote(str(HERE / "start_worker.py"))} "$@"\n'
        script = self.folder / "start_worker.sh"
        script.write_text(f"#!/bin/sh\n{exports}{start}")
        script.chmod(0o755)

    def _start(
        self, name: str, options: Sequence[str], jars: Sequence[Path], program: str, arguments: Sequence[str]
    ) -> None:
        logging = f"-Dlog4j.configurationFile=file:{self.folder / 'conf' / 'log4j.properties'}"
        class_path = os.pathsep.join(map(str, jars))
        command = [self._java, *options, *_JAVA, logging, "-cp", class_path, program, *arguments]
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(
                die_with_parent([*self.network, *command]), stdout=log, stderr=subprocess.STDOUT, env=_without_proxies()
            )

    def _wait(self, name: str, line: str) -> None:
        """Returns once the log of a process has `line`."""
        until = time.monotonic() + _START_SECONDS
        while line not in self._log(name).read_text(errors="replace"):
            if self._processes[name].poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} has not started: {self._log(name).read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def _log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"


@contextlib.contextmanager
def run_cluster(
    folder: Path, *, task_managers: int = 2, worker_environment: Mapping[str, str] | None = None
) -> Iterator[LocalCluster]:
    """Runs a cluster until the block is left.

    Args:
      folder: for its settings, logs and temporary files; it is made.
      task_managers: how many TaskManagers to start, each with one slot.
      worker_environment: what Python workers have in their environment besides.

    Raises:
      UnavailableError: if Java, or what has to be fetched, is not there.
      RuntimeError: if it does not start.
    """
    with open_loopback() as network:
        cluster = LocalCluster(
            folder, network, task_managers=task_managers, worker_environment=worker_environment or {}
        )
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def _is_worker(process: int) -> bool:
    """Returns whether the process still is a worker."""
    with contextlib.suppress(OSError):
        return b"sdk_worker_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for taken in sockets:
            taken.bind(("127.0.0.1", 0))
        return [int(taken.getsockname()[1]) for taken in sockets]


def _without_proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
