"""A job as the stand-in for Dataflow receives it: GPUs, image, hints, what is staged; and run where nothing else is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.portability.common_urns import resource_hints

from albert_embed import read_embeddings
from albert_embed.pipeline.cli.main import main
from tests.emulators.servers import Emulators
from tests.engines.dataflow import Dataflow, DataflowJob, run_dataflow

pytestmark = pytest.mark.integration
TOKEN = "planted-token-51dd"
WHEEL = "albert_embed-0.1.0-py3-none-any.whl"


@pytest.fixture
def command(bucket: str, remote_model: str) -> list[str]:
    """The command that embeds two lines in the bucket."""
    with FileSystems.create(f"{bucket}/in.txt") as source:
        source.write(b"One line.\nAnother.\n")
    return ["embed", "--model", remote_model, "--input", f"{bucket}/in.txt", "--max-tokens", "16"]


def find_accelerators(job: DataflowJob) -> dict[str, str]:
    """Returns the accelerator of each step that has one."""
    components = beam_runner_api_pb2.Pipeline.FromString((job.folder / "pipeline.pb").read_bytes()).components
    return {
        transform.unique_name: hint.decode()
        for transform in components.transforms.values()
        if transform.environment_id and not transform.subtransforms
        for urn, hint in components.environments[transform.environment_id].resource_hints.items()
        if urn == resource_hints.ACCELERATOR.urn
    }


def test_gpus_as_the_service_receives_them(recording_dataflow: Dataflow, bucket: str, command: list[str]) -> None:
    for pool in ("whole", "inference"):
        flags = [*recording_dataflow.flags(bucket, name=pool), "--output", f"{bucket}/{pool}"]
        assert main([*command, *flags, "--no-wait", "--gpu", "l4", "--gpu-pool", pool]) == 0
    whole, inference = recording_dataflow.jobs
    for job in (whole, inference):
        assert job.staged_packages[WHEEL].endswith(f"/{WHEEL}")
        assert "no_use_multiple_sdk_containers" in job.options["experiments"]
        assert job.options["number_of_worker_harness_threads"] == 4
        (pool_request,) = job.request["environment"]["workerPools"]
        assert pool_request["diskSizeGb"] == 100
        assert {image["containerImage"] for image in pool_request["sdkHarnessContainerImages"]} == {
            "image.invalid/albert-embed:1"
        }
        assert int(pool_request["autoscalingSettings"]["maxNumWorkers"]) == 10
    accelerator = "worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver"
    assert accelerator in whole.request["environment"]["serviceOptions"]
    assert whole.request["environment"]["workerPools"][0]["machineType"] == "g2-standard-4"
    assert find_accelerators(whole) == {}
    assert not any(
        "worker_accelerator" in option for option in inference.request["environment"].get("serviceOptions", [])
    )
    steps = find_accelerators(inference)
    assert steps and all("/RunInference/" in step for step in steps)
    assert set(steps.values()) == {"type:nvidia-l4;count:1;machine_type:g2-standard-4;install-nvidia-driver"}


def test_what_the_user_gives_is_what_the_service_receives(
    recording_dataflow: Dataflow, bucket: str, command: list[str]
) -> None:
    accelerator = "worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver:5xx"
    given = ["--worker_machine_type", "g2-standard-16", "--disk_size_gb", "200", "--max_num_workers", "3"]
    given += ["--number_of_worker_harness_threads", "2", "--experiments", "use_multiple_sdk_containers"]
    given += [f"--dataflow_service_options={accelerator}"]
    flags = [*recording_dataflow.flags(bucket), "--output", f"{bucket}/out", "--gpu", "L4", "--no-wait"]
    assert main([*command, *flags, *given]) == 0
    (job,) = recording_dataflow.jobs
    (pool,) = job.request["environment"]["workerPools"]
    assert (pool["machineType"], pool["diskSizeGb"]) == ("g2-standard-16", 200)
    assert int(pool["autoscalingSettings"]["maxNumWorkers"]) == 3
    assert job.options["number_of_worker_harness_threads"] == 2
    assert [option for option in job.request["environment"]["serviceOptions"] if "accelerator" in option] == [
        accelerator
    ]
    assert "no_use_multiple_sdk_containers" not in job.options["experiments"]


def test_a_hint_by_hand_is_on_all_steps(recording_dataflow: Dataflow, bucket: str, command: list[str]) -> None:
    accelerator = "type:nvidia-l4;count:1;install-nvidia-driver"
    flags = [*recording_dataflow.flags(bucket), "--output", f"{bucket}/out", "--no-wait"]
    assert main([*command, *flags, "--resource_hint", f"accelerator={accelerator}"]) == 0
    (job,) = recording_dataflow.jobs
    steps = find_accelerators(job)
    assert set(steps.values()) == {accelerator}
    assert any("/RunInference/" in step for step in steps) and any("/RunInference/" not in step for step in steps)


def test_a_job_holds_nothing_of_the_environment(
    recording_dataflow: Dataflow, bucket: str, dataset: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GOOGLE_OAUTH_ACCESS_TOKEN", "HF_TOKEN", "ALBERT_EMBED_SOMETHING"):
        monkeypatch.setenv(name, TOKEN)
    flags = [*recording_dataflow.flags(bucket), "--output", f"{bucket}/out", f"bq:test-project:{dataset}.rows"]
    assert main([*command, *flags, "--sink", "parquet,bigquery", "--no-wait"]) == 0
    (job,) = recording_dataflow.jobs
    recorded = {str(file): file.read_bytes() for file in job.folder.iterdir()}
    for found in FileSystems.match([f"{bucket}/**"])[0].metadata_list:
        with FileSystems.open(found.path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            recorded[found.path] = file.read()
    assert any(name.endswith("job.json") for name in recorded) and any(name.endswith("run.json") for name in recorded)
    assert [name for name, content in recorded.items() if TOKEN.encode() in content] == []


@pytest.fixture
def bare_dataflow(emulators: Emulators, tmp_path: Path) -> Iterator[Dataflow]:
    """A service whose workers have what the project stands on and what the job staged, and nothing else."""
    worker = (sys.executable, str(Path(__file__).with_name("bare_worker.py")))
    with run_dataflow(tmp_path / "dataflow", emulators, worker=worker) as running:
        yield running


def test_a_job_brings_all_that_its_workers_need(
    bare_dataflow: Dataflow, bucket: str, command: list[str], tmp_path: Path
) -> None:
    output, result = f"{bucket}/out", tmp_path / "result.json"  # the latter is written here, not by a worker
    status = main([*command, *bare_dataflow.flags(bucket), "--output", output, "--result-file", str(result)])
    (job,) = bare_dataflow.jobs
    assert (status, job.state) == (0, "JOB_STATE_DONE"), job.log
    assert sum(batch.num_rows for batch in read_embeddings(output)) == 2
    assert json.loads(result.read_text())["status"] == "published"
    (package,) = (job.folder / "environment").rglob("albert_embed/__init__.py")
    assert "site-packages" in package.parts
