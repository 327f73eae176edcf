"""Runs a job of `dataflow_service.py` in an interpreter of its own: `dataflow_worker.py FOLDER`.

Imports Beam alone, so that it finds of the project only what its interpreter has. WORKER_REPEAT=1 runs each bundle
twice, the first time for nothing, as the service does after a fault. WORKER_WAITS_FOR names a file before which the job
does not start, so that a test can do something first.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from apache_beam.internal import pickler
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineState
from apache_beam.transforms import environments

_OPTIONS = ("temp_location", "staging_location", "pickle_library", "project", "region")


def main(folder: Path) -> int:
    """Runs the job, and returns the exit status."""
    while "WORKER_WAITS_FOR" in os.environ and not Path(os.environ["WORKER_WAITS_FOR"]).exists():
        time.sleep(0.05)
    pipeline = beam_runner_api_pb2.Pipeline.FromString((folder / "pipeline.pb").read_bytes())
    given = json.loads((folder / "job.json").read_text())["environment"]["sdkPipelineOptions"]["options"]
    options = PipelineOptions([], **{name: value for name, value in given.items() if name in _OPTIONS})
    FileSystems.set_options(options)
    pickler.set_library(given["pickle_library"])
    _run_in_this_process(pipeline)
    runner = FnApiRunner(bundle_repeat=int(os.environ.get("WORKER_REPEAT", "0")))
    runner._default_environment = environments.EmbeddedPythonEnvironment.default()
    result = runner.run_via_runner_api(pipeline, options)
    state = result.wait_until_finish()
    names = {transform.unique_name: name for name, transform in pipeline.components.transforms.items()}
    (folder / "metrics.json").write_text(json.dumps({"metrics": list_metrics(result, names)}))
    return 0 if state in (None, PipelineState.DONE) else 1


def _run_in_this_process(pipeline: Any) -> None:
    """Replaces the containers that the job asks for."""
    embedded = environments.EmbeddedPythonEnvironment.default().to_runner_api(PipelineContext())
    for environment in pipeline.components.environments.values():
        if environment.urn == common_urns.environments.DOCKER.urn:
            environment.urn, environment.payload = embedded.urn, embedded.payload
            del environment.dependencies[:]


def list_metrics(result: Any, names: dict[str, str]) -> list[dict[str, Any]]:
    """Returns the counters as the service answers them: each committed and tentative."""
    metrics = []
    for counter in result.metrics().query()["counters"]:
        value = counter.committed if counter.committed is not None else counter.attempted
        for tentative in ({}, {"tentative": "true"}):
            context = {
                "namespace": counter.key.metric.namespace,
                "step": names.get(counter.key.step, counter.key.step),
                **tentative,
            }
            name = {"origin": "user", "name": counter.key.metric.name, "context": context}
            metrics.append({"name": name, "scalar": value})
    return metrics


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
