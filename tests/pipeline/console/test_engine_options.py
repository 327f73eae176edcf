"""Options that only the engine behind a job service knows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from albert_embed.pipeline.console.beam_arguments import check_beam_arguments
from albert_embed.pipeline.console.usage_error import UsageError

_TYPES = beam_job_api_pb2.PipelineOptionType
OPTIONS = {
    "number_of_execution_retries": (_TYPES.INTEGER, "-1"),
    "checkpointing_interval": (_TYPES.INTEGER, ""),
    "execution_mode_for_batch": (_TYPES.STRING, "PIPELINED"),
    "object_reuse": (_TYPES.BOOLEAN, "false"),
    "files_to_stage": (_TYPES.ARRAY, ""),
    "runner": (_TYPES.STRING, ""),
}


class JobService(beam_job_api_pb2_grpc.JobServiceServicer):
    """Describes options, and counts how often it is asked."""

    asked = 0

    def DescribePipelineOptions(self, request: Any, context: Any) -> Any:
        self.asked += 1
        options = [
            beam_job_api_pb2.PipelineOptionDescriptor(name=name, type=type_, default_value=default)
            for name, (type_, default) in OPTIONS.items()
        ]
        return beam_job_api_pb2.DescribePipelineOptionsResponse(options=options)


@pytest.fixture
def service() -> JobService:
    return JobService()


@pytest.fixture
def endpoint(service: JobService) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


@pytest.mark.parametrize(
    "flags",
    [
        ["--number_of_execution_retries", "3", "--checkpointing_interval=60000"],
        ["--object_reuse", "--execution_mode_for_batch", "BATCH_FORCED"],
        ["--files_to_stage", "one", "--files_to_stage", "another"],
    ],
)
def test_options_of_the_engine_pass(endpoint: str, flags: list[str]) -> None:
    check_beam_arguments(["--runner", "PortableRunner", "--job_endpoint", endpoint, *flags], set())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--number_of_execution_retry", "3"], "^unknown flag --number_of_execution_retry; the nearest known one is "),
        (["--checkpointing_interval", "soon"], "invalid int value: 'soon'"),
        (
            ["--checkpointing_interval=1", "--checkpointing_interval=2"],
            "^--checkpointing_interval is given twice, as .1. and .2.",
        ),
        (["--object_reuse", "no"], "^unexpected argument 'no'"),
    ],
)
def test_others_are_refused(endpoint: str, flags: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_beam_arguments(["--runner", "PortableRunner", "--job_endpoint", endpoint, *flags], set())


def test_the_nearest_may_be_one_of_the_engine(endpoint: str) -> None:
    with pytest.raises(UsageError, match=r"the nearest known one is --checkpointing_interval$"):
        check_beam_arguments(["--job_endpoint", endpoint, "--checkpoint_interval", "3"], set())


def test_the_service_is_asked_only_where_beam_does_not_know_a_flag(endpoint: str, service: JobService) -> None:
    check_beam_arguments(["--runner", "PortableRunner", "--job_endpoint", endpoint], set())
    assert service.asked == 0
    check_beam_arguments(["--runner", "PortableRunner", "--job_endpoint", endpoint, "--object_reuse"], set())
    assert service.asked == 1


def test_a_service_that_does_not_answer_is_named() -> None:
    flags = ["--job_endpoint", "127.0.0.1:1", "--job_server_timeout", "1", "--object_reuse"]
    with pytest.raises(UsageError, match=r"^--job_endpoint 127\.0\.0\.1:1: the job service does not say which options"):
        check_beam_arguments(flags, set())


def test_without_a_service_they_are_unknown() -> None:
    with pytest.raises(UsageError, match=r"^unknown flag --object_reuse; the nearest known one is "):
        check_beam_arguments(["--runner", "FlinkRunner", "--object_reuse"], set())
