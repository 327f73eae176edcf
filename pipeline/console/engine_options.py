"""Options that only an engine knows: a portable runner's job service tells which ones it has."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import grpc
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from albert_embed.pipeline.console.usage_error import UsageError

_TYPES = beam_job_api_pb2.PipelineOptionType


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineOption:
    """An option of an engine.

    Attributes:
      flag: such as `--number_of_execution_retries`.
      parser_arguments: how argparse reads it; as Beam's client does, when it submits the job.
    """

    flag: str
    parser_arguments: dict[str, Any]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Adds it to a parser, unless that has an option of this name already."""
        if self.flag not in parser._option_string_actions:
            parser.add_argument(self.flag, default=argparse.SUPPRESS, **self.parser_arguments)


def read_engine_options(endpoint: str, *, timeout: float) -> tuple[EngineOption, ...]:
    """Returns what the job service at `endpoint` says it takes.

    Raises:
      UsageError: if it does not answer within `timeout` seconds.
    """
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        request = beam_job_api_pb2.DescribePipelineOptionsRequest()
        try:
            described = service.DescribePipelineOptions(request, timeout=timeout, wait_for_ready=True)
        except grpc.RpcError as e:
            raise UsageError(
                f"--job_endpoint {endpoint}: the job service does not say which options it takes ({e.code().name}); "
                "is it running, and can it be reached from here?"
            ) from e
    return tuple(
        EngineOption(flag=f"--{option.name}", parser_arguments=_choose_parser_arguments(option))
        for option in described.options
    )


def _choose_parser_arguments(option: beam_job_api_pb2.PipelineOptionDescriptor) -> dict[str, Any]:
    if option.type == _TYPES.BOOLEAN:
        return {"action": "store_false" if option.default_value == "true" else "store_true"}
    if option.type == _TYPES.INTEGER:
        return {"type": int}
    return {"action": "append"} if option.type == _TYPES.ARRAY else {}
