"""A stand-in for Dataflow: the job lives on when the driver dies, and publishes by itself."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.cli.main import main
from albert_embed.pipeline.launch.prepare_launch import IMAGE_VARIABLE
from tests.engines.dataflow import Dataflow
from tests.engines.runs import BATCH_TOKENS, assert_same_rows, embed_in_process, make_lines, start_embed
from tests.tiny_model import ROOT

pytestmark = pytest.mark.integration
LINES = 300


@pytest.fixture
def source(bucket: str) -> str:
    """A corpus in the bucket."""
    path = f"{bucket}/in.txt"
    with FileSystems.create(path) as file:
        file.write("".join(f"{line}\n" for line in make_lines(LINES)).encode())
    return path


def start(dataflow: Dataflow, model: str, source: str, output: str, bucket: str, *more: str) -> subprocess.Popen[bytes]:
    return start_embed(model, source, output, *dataflow.flags(bucket), *more, environment=dataflow.environment)


def list_objects(folder: str) -> dict[str, int]:
    """Returns the path of each object below a folder → its size."""
    return {found.path: found.size_in_bytes for found in FileSystems.match([f"{folder}/**"])[0].metadata_list}


def test_a_job_publishes_though_its_driver_is_killed_and_refuses_a_second_run(
    repeating_dataflow: Dataflow,
    remote_model: str,
    source: str,
    bucket: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = f"{bucket}/out"
    driver = start(repeating_dataflow, remote_model, source, output, bucket)
    try:
        job = repeating_dataflow.wait_for_job()
    finally:
        driver.kill()
        driver.wait()
    before = list_objects(output)
    flags = ["--model", remote_model, "--input", source, "--output", output, *BATCH_TOKENS]
    assert main(["embed", *flags, *repeating_dataflow.flags(bucket, name="another")]) == 2
    assert f"{output} is being written by another run" in capsys.readouterr().err
    assert list_objects(output) == before
    assert [job.request["name"] for job in repeating_dataflow.jobs] == ["embed"]
    repeating_dataflow.release()
    assert job.wait_until_ended() == "JOB_STATE_DONE", job.log
    assert_same_rows(output, embed_in_process(remote_model, source, tmp_path / "expected"))


def test_the_launcher_of_the_flex_template_writes_a_job_that_publishes(
    dataflow: Dataflow, remote_model: str, source: str, bucket: str, tmp_path: Path
) -> None:
    """As Dataflow calls it: each parameter as --NAME=VALUE, and where to write the job."""
    template, output = f"{bucket}/staging/job_object", f"{bucket}/out"
    parameters = {"model": remote_model, "input": source, "output": output, "batch_tokens": "512", "gpu": "t4"}
    parameters |= {"overwrite": "false", "template_location": template, "service_account_email": "worker@example.com"}
    flags = dataflow.flags(bucket)
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    image = given.pop("--sdk_container_image")
    arguments = [f"--{name}={value}" for name, value in parameters.items()]
    arguments += [f"{flag}={value}" for flag, value in given.items()]
    launcher = [sys.executable, str(ROOT / "deploy" / "dataflow" / "launch.py"), *arguments]
    subprocess.run(launcher, env={**dataflow.environment, IMAGE_VARIABLE: image}, cwd=tmp_path, check=True)
    assert dataflow.jobs == []
    launch = f"{dataflow.endpoint}/v1b3/projects/test-project/locations/us-central1/templates:launch?gcsPath={template}"
    body = json.dumps({"jobName": "from-template"}).encode()
    urllib.request.urlopen(urllib.request.Request(launch, data=body, method="POST")).close()
    job = dataflow.wait_for_job()
    assert job.wait_until_ended() == "JOB_STATE_DONE", job.log
    assert (
        "worker_accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver"
        in (job.request["environment"]["serviceOptions"])
    )
    (pool,) = job.request["environment"]["workerPools"]
    assert {used["containerImage"] for used in pool["sdkHarnessContainerImages"]} == {image}
    assert_same_rows(output, embed_in_process(remote_model, source, tmp_path / "expected"))
