"""Stands in for the Dataflow service on http://localhost:PORT: `dataflow_service.py PORT FOLDER [COMMAND ...]`.

Beam's client speaks REST only to a host that is called localhost. Each job is recorded as `FOLDER/ID/job.json`, its
pipeline as `FOLDER/ID/pipeline.pb` and its state as `FOLDER/ID/state`. Then `COMMAND FOLDER/ID` is run as a process of
its own, whose exit status makes the job done or failed. So a job goes on when the driver dies. Without a command a job
stays as it is until something writes its `state`.

Served: create, get, list, cancel, messages, metrics, and launching a template.
"""

from __future__ import annotations

import datetime
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MAXIMUM_REQUEST_BYTES = 10 << 20
RUNNING = "JOB_STATE_RUNNING"
CANCELLED = "JOB_STATE_CANCELLED"
_JOB_PATH = re.compile(r"/v1b3/projects/[^/]+/locations/[^/]+/jobs/(?P<job>[^/]+)(?P<part>/messages|/metrics)?")
_JOBS_PATH = re.compile(r"/v1b3/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/jobs")
_LAUNCH_PATH = re.compile(r"/v1b3/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/templates:launch")


class RefusedError(Exception):
    """A request that the service answers with an error."""

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.answer = {"error": {"code": code, "status": status, "message": message}}


class Service:
    """The jobs.

    Args:
      folder: where they are recorded.
      command: what runs one.
    """

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._folder = folder
        self._command = command
        self._jobs: dict[str, dict[str, Any]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def create(self, job: dict[str, Any], project: str, location: str, request_bytes: int) -> dict[str, Any]:
        """Records a job and starts it; returns the running one where it has the same name, as the service does."""
        with self._lock:
            for other in self._jobs.values():
                if other["name"] == job["name"] and self._read_state(other) == RUNNING:
                    return self.get(other["id"])
            name = f"job-{len(self._jobs)}"
            now = _now()
            job = {**job, "id": name, "projectId": project, "location": location, "createTime": now}
            folder = self._folder / name
            folder.mkdir(parents=True)
            (folder / "request_bytes").write_text(str(request_bytes))
            (folder / "job.json").write_text(json.dumps(job, indent=1))
            pipeline = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
            (folder / "pipeline.pb").write_bytes(_download(pipeline))
            _replace(folder / "state", RUNNING)
            self._jobs[name] = job
            if self._command:
                self._start(name)
        return self.get(name)

    def launch(self, template: str, name: str, project: str, location: str) -> dict[str, Any]:
        """Makes a job of a template, and starts it."""
        job = json.loads(_download(template))
        return self.create({**job, "name": name}, project, location, 0)

    def get(self, name: str) -> dict[str, Any]:
        """Returns a job as the service answers it."""
        if name not in self._jobs:
            raise RefusedError(404, "NOT_FOUND", f"no job {name}")
        job = self._jobs[name]
        return {**job, "currentState": self._read_state(job), "currentStateTime": _now()}

    def list_jobs(self) -> list[dict[str, Any]]:
        """Returns all jobs."""
        return [self.get(name) for name in self._jobs]

    def cancel(self, name: str) -> dict[str, Any]:
        """Ends a job."""
        _replace(self._folder / name / "state", CANCELLED)
        if name in self._processes:
            self._processes[name].terminate()
        return self.get(name)

    def list_messages(self, name: str) -> list[dict[str, Any]]:
        """Returns the end of the log of a job that failed."""
        job = self.get(name)
        log = self._folder / name / "worker.log"
        if job["currentState"] != "JOB_STATE_FAILED" or not log.exists():
            return []
        return [
            {
                "id": "1",
                "time": job["currentStateTime"],
                "messageText": log.read_text(errors="replace")[-3000:],
                "messageImportance": "JOB_MESSAGE_ERROR",
            }
        ]

    def get_metrics(self, name: str) -> dict[str, Any]:
        """Returns the metrics that the job has left."""
        file = self._folder / name / "metrics.json"
        metrics: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"metrics": []}
        return metrics

    def _read_state(self, job: dict[str, Any]) -> str:
        return (self._folder / str(job["id"]) / "state").read_text()

    def _start(self, name: str) -> None:
        folder = self._folder / name
        with (folder / "worker.log").open("wb") as log:
            process = subprocess.Popen([*self._command, str(folder)], stdout=log, stderr=subprocess.STDOUT)
        self._processes[name] = process
        _replace(folder / "worker.pid", str(process.pid))
        threading.Thread(target=self._wait_for, args=(process, folder / "state"), daemon=True).start()

    def _wait_for(self, process: subprocess.Popen[bytes], state: Path) -> None:
        succeeded = process.wait() == 0
        if state.read_text() != CANCELLED:
            _replace(state, "JOB_STATE_DONE" if succeeded else "JOB_STATE_FAILED")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers requests for the `service` that a subclass has."""

    service: Service
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def _get(self, path: str, query: dict[str, list[str]], body: dict[str, Any], size: int) -> Any:
        if _JOBS_PATH.fullmatch(path):
            return {"jobs": self.service.list_jobs()}
        match = _match(_JOB_PATH, path)
        if match["part"] == "/messages":
            return {"jobMessages": self.service.list_messages(match["job"])}
        if match["part"] == "/metrics":
            return self.service.get_metrics(match["job"])
        return self.service.get(match["job"])

    def _post(self, path: str, query: dict[str, list[str]], body: dict[str, Any], size: int) -> Any:
        launch = _LAUNCH_PATH.fullmatch(path)
        if launch is not None:
            template, name = query["gcsPath"][0], body["jobName"]
            return {"job": self.service.launch(template, name, launch["project"], launch["location"])}
        if size > MAXIMUM_REQUEST_BYTES:
            raise RefusedError(400, "INVALID_ARGUMENT", f"the request of {size} bytes is larger than 10 MB")
        match = _match(_JOBS_PATH, path)
        return self.service.create(body, match["project"], match["location"], size)

    def _put(self, path: str, query: dict[str, list[str]], body: dict[str, Any], size: int) -> Any:
        return self.service.cancel(_match(_JOB_PATH, path)["job"])

    def _answer(self, handle: Any) -> None:
        url = urllib.parse.urlparse(self.path)
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size) or b"{}")
        code, value = 200, None
        try:
            value = handle(url.path, urllib.parse.parse_qs(url.query), body, size)
        except RefusedError as e:
            code, value = e.code, e.answer
        content = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _match(pattern: re.Pattern[str], path: str) -> re.Match[str]:
    match = pattern.fullmatch(path)
    if match is None:
        raise RefusedError(404, "NOT_FOUND", f"no such path: {path}")
    return match


def _download(url: str) -> bytes:
    """Returns the content of an object, or of a local file."""
    if not url.startswith("gs://"):
        return Path(url).read_bytes()
    bucket, name = url.removeprefix("gs://").split("/", 1)
    link = f"{os.environ['STORAGE_EMULATOR_HOST']}/download/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}"
    with urllib.request.urlopen(f"{link}?alt=media") as answer:
        content: bytes = answer.read()
    return content


def _replace(path: Path, text: str) -> None:
    """Writes a file at once, so that no reader sees half of it."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.replace(path)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def main(port: int, folder: str, command: Sequence[str]) -> None:
    """Serves until the process is ended."""
    handler = type("JobHandler", (Handler,), {"service": Service(Path(folder), command)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
