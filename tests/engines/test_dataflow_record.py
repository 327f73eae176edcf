"""The stand-in for Dataflow records what is submitted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.portability.api import beam_runner_api_pb2

from tests.engines.dataflow import Dataflow

pytestmark = pytest.mark.integration
PROGRAM = """
import sys
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
pipeline = beam.Pipeline(options=PipelineOptions(sys.argv[1:]))
pipeline | "Numbers" >> beam.Create([1, 2]) | beam.Map(print)
pipeline.run()
"""


def test_a_job_is_recorded_with_its_options_and_staged_files(
    recording_dataflow: Dataflow, bucket: str, tmp_path: Path
) -> None:
    package = tmp_path / "package-1.0.tar.gz"
    package.write_bytes(b"a package")
    flags = [*recording_dataflow.flags(bucket, name="numbers"), "--extra_package", str(package)]
    subprocess.run([sys.executable, "-c", PROGRAM, *flags], env=dict(recording_dataflow.environment), check=True)
    [job] = recording_dataflow.jobs
    assert job.state == "JOB_STATE_RUNNING"
    assert job.request["name"] == job.options["job_name"] == "numbers"
    assert 0 < job.request_bytes < 1 << 20
    pipeline = beam_runner_api_pb2.Pipeline.FromString((job.folder / "pipeline.pb").read_bytes())
    assert any("Numbers" in transform.unique_name for transform in pipeline.components.transforms.values())
    path = job.staged_packages["package-1.0.tar.gz"]
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        assert file.read() == b"a package"
