"""Starts a Beam worker on this machine, for `--environment_type PROCESS`; the local cluster uses it.

In a container Beam's own `boot` does this, and installs what the job has staged. This one takes the Python that runs
it as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

# Where each worker leaves a file with its process id as its name, and its log.
FOLDER_VARIABLE = "ALBERT_FLINK_WORKERS"


def main() -> None:
    """Asks the runner for the options, and becomes Beam's worker, which the runner ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--id", required=True)
    parser.add_argument("--provision_endpoint", required=True)
    given, _ = parser.parse_known_args()
    folder = Path(os.environ[FOLDER_VARIABLE])
    with (folder / f"{os.getpid()}.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    (folder / str(os.getpid())).write_text(json.dumps({"id": given.id, "parent": os.getppid()}))
    _read_provision(given.provision_endpoint, given.id)
    os.execv(sys.executable, [sys.executable, "-m", "apache_beam.runners.worker.sdk_worker_main", *sys.argv[1:]])


def _read_provision(endpoint: str, worker: str) -> None:
    """Sets the environment that Beam's worker reads."""
    import grpc
    from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
    from google.protobuf import json_format

    with grpc.insecure_channel(endpoint) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        info = service.GetProvisionInfo(request, metadata=[("worker_id", worker)]).info
    os.environ.update(
        WORKER_ID=worker,
        LOGGING_API_SERVICE_DESCRIPTOR=f'url: "{info.logging_endpoint.url}"',
        CONTROL_API_SERVICE_DESCRIPTOR=f'url: "{info.control_endpoint.url}"',
        PIPELINE_OPTIONS=json_format.MessageToJson(info.pipeline_options),
        RUNNER_CAPABILITIES=" ".join(info.runner_capabilities),
        SEMI_PERSISTENT_DIRECTORY=os.environ[FOLDER_VARIABLE],
    )


if __name__ == "__main__":
    main()
