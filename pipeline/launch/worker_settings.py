"""What `--gpu` sets among Dataflow's options, as plain values with their reasons."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    WorkerOptions,
)

from albert_embed.pipeline.launch.accelerator import list_accelerators
from albert_embed.pipeline.launch.gpu_request import MPS, GpuRequest
from albert_embed.pipeline.settings.runner import MANY_PROCESSES, ONE_PROCESS

# The image of a GPU worker has some 10 GB; the disk that Dataflow chooses by itself may be as small as 25 GB.
_DISK_GB = 100
# Two batches keep a GPU busy, while as many threads read, prepare and write. Each more would hold a batch in its
# memory.
_THREADS_PER_GPU = 4
# GPUs are dear, and a project's quota of them is small.
_MAX_WORKERS = 10
_VIEWS: dict[str, type[PipelineOptions]] = {
    "dataflow_service_options": GoogleCloudOptions,
    "experiments": DebugOptions,
    "number_of_worker_harness_threads": DebugOptions,
    "machine_type": WorkerOptions,
    "disk_size_gb": WorkerOptions,
    "sdk_container_image": WorkerOptions,
    "max_num_workers": WorkerOptions,
}
_LISTS = frozenset(("dataflow_service_options", "experiments"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """A value for one of Beam's options.

    Attributes:
      option: the option, such as `machine_type`.
      value: its value; of a list, one value to add.
      reason: why it is set.
    """

    option: str
    value: str | int
    reason: str

    def __str__(self) -> str:
        """Formats the setting as the flag that would set it."""
        return f"--{self.option} {self.value}"


def choose_worker_settings(
    request: GpuRequest, *, pool: str, beam_options: PipelineOptions, image: str | None
) -> tuple[Setting, ...]:
    """Chooses what Dataflow's options follow from GPUs that are asked for. What the user gives is left as it is.

    Args:
      request: the GPUs.
      pool: `whole` or `inference`, as `--gpu-pool`.
      beam_options: as given; they are not changed.
      image: the workers' image where the options name none; None where there is none.
    """
    return tuple(
        setting
        for setting in _list_settings(request, pool, beam_options, image)
        if setting.option in _LISTS or _read(beam_options, setting.option) is None
    )


def _list_settings(
    request: GpuRequest, pool: str, beam_options: PipelineOptions, image: str | None
) -> Iterator[Setting]:
    given = list_accelerators(beam_options)
    if pool == "whole":
        if not given:
            yield Setting(
                option="dataflow_service_options",
                value=f"worker_accelerator={request.pool_specification}",
                reason=f"every worker has {request.count} {request.gpu.label}; driver: {request.gpu.driver}",
            )
        yield Setting(
            option="machine_type",
            value=request.machine.type,
            reason=f"the smallest machine with {request.count} of it",
        )
    yield Setting(option="disk_size_gb", value=_DISK_GB, reason="the image of a GPU worker is large")
    if image is not None and not beam_options.view_as(WorkerOptions).worker_harness_container_image:
        yield Setting(option="sdk_container_image", value=image, reason="named in the environment")
    experiments = _read(beam_options, "experiments") or ()
    shared = any(MPS in accelerator.words for accelerator in given) or MANY_PROCESSES in experiments
    if not shared and ONE_PROCESS not in experiments:
        yield Setting(
            option="experiments",
            value=ONE_PROCESS,
            reason="one process on each worker, whose threads share one model on each GPU: a process for each vCPU "
            "would hold a model and TensorFlow's workspace in the GPU's memory as many times",
        )
    threads = 1 if shared else min(request.machine.vcpus, _THREADS_PER_GPU * request.count)
    yield Setting(
        option="number_of_worker_harness_threads",
        value=threads,
        reason="each holds one batch or none in the GPU's memory",
    )
    yield Setting(
        option="max_num_workers",
        value=max(_MAX_WORKERS, _read(beam_options, "num_workers", WorkerOptions) or 0),
        reason="a limit to what the job may cost",
    )


def apply_settings(settings: Sequence[Setting], beam_options: PipelineOptions) -> None:
    """Sets the options; those that are lists get a value more."""
    for setting in settings:
        view = beam_options.view_as(_VIEWS[setting.option])
        if setting.option in _LISTS:
            setattr(view, setting.option, [*(getattr(view, setting.option) or ()), setting.value])
        else:
            setattr(view, setting.option, setting.value)


def _read(beam_options: PipelineOptions, option: str, view: type[PipelineOptions] | None = None) -> Any:
    return getattr(beam_options.view_as(view or _VIEWS[option]), option)
