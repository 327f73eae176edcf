"""`Accelerator`: GPUs that Beam's own options ask for, in any of the ways in which they can."""

from __future__ import annotations

import dataclasses

from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, PipelineOptions, StandardOptions
from apache_beam.transforms.resources import resource_hints_from_options

from albert_embed.pipeline.launch.gpu_request import DRIVER, GpuRequest

_SERVICE_OPTION = "worker_accelerator="
_HINTS = ("accelerator=", "beam:resources:accelerator:v1=")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Accelerator:
    """GPUs on each worker.

    Attributes:
      flag: the option as it was given.
      type: their name for Dataflow.
      count: how many each worker has.
      words: the rest of what was given, such as `install-nvidia-driver`.
      is_hint: whether it was a resource hint, which goes to the steps, rather than an option of the whole pool.
    """

    flag: str
    type: str
    count: int
    words: frozenset[str]
    is_hint: bool

    @staticmethod
    def parse(specification: str, *, flag: str, is_hint: bool) -> Accelerator:
        """Parses `type:T;count:N;…`.

        Raises:
          ValueError: if the count is not a number from 1, or there is no type.
        """
        words = [word.strip() for word in specification.split(";") if word.strip()]
        named = dict(word.split(":", 1) for word in words if ":" in word)
        count = named.get("count", "1")
        if not count.isascii() or not count.isdigit() or int(count) < 1:
            raise ValueError(f"{flag} has count:{count}; give the number of GPUs of each worker, from 1")
        if not named.get("type", "").strip():
            raise ValueError(f"{flag} names no GPU; give such as type:nvidia-l4;count:1;{DRIVER}")
        return Accelerator(
            flag=flag, type=named["type"].strip(), count=int(count), words=frozenset(words), is_hint=is_hint
        )

    @staticmethod
    def of(request: GpuRequest) -> Accelerator:
        """Returns the GPUs of `--gpu`."""
        return Accelerator(
            flag=f"--gpu {request.gpu.name}:{request.count}",
            type=request.gpu.accelerator,
            count=request.count,
            words=frozenset(),
            is_hint=False,
        )


def list_accelerators(beam_options: PipelineOptions) -> list[Accelerator]:
    """Lists the GPUs that Beam's options ask for: by service options, experiments and resource hints.

    Raises:
      ValueError: if one can't be read.
    """
    services = beam_options.view_as(GoogleCloudOptions).dataflow_service_options or []
    experiments = beam_options.view_as(DebugOptions).experiments or []
    found = []
    for name, given in (("--dataflow_service_options", services), ("--experiments", experiments)):
        for option in given:
            if option.startswith(_SERVICE_OPTION):
                specification = option.removeprefix(_SERVICE_OPTION)
                found.append(Accelerator.parse(specification, flag=f"{name} {option}", is_hint=False))
    for hint in list_resource_hints(beam_options):
        for prefix in _HINTS:
            if hint.startswith(prefix):
                specification = hint.removeprefix(prefix)
                found.append(Accelerator.parse(specification, flag=f"--resource_hints {hint}", is_hint=True))
    return found


def list_resource_hints(beam_options: PipelineOptions) -> list[str]:
    """Lists the resource hints that are given for all steps, each `name=value`."""
    return list(beam_options.view_as(StandardOptions).resource_hints or [])


def check_resource_hints(beam_options: PipelineOptions) -> None:
    """Checks that Beam knows the resource hints; it would say so only once the run has begun.

    Raises:
      ValueError: if it can't read one.
    """
    try:
        resource_hints_from_options(beam_options)
    except ValueError as e:
        given = " ".join(list_resource_hints(beam_options))
        raise ValueError(f"--resource_hints {given}: {e} Give such as min_ram=8GB") from e
