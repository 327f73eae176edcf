"""Refuses ways of asking for GPUs that exclude each other, or that can't work."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    WorkerOptions,
)

from albert_embed.pipeline.launch.accelerator import Accelerator, list_accelerators, list_resource_hints
from albert_embed.pipeline.launch.gpu_request import MPS, GpuRequest
from albert_embed.pipeline.launch.gpu_table import read_own_table
from albert_embed.pipeline.settings.runner import MANY_PROCESSES, ONE_PROCESS


def check_accelerators(request: GpuRequest | None, *, pool: str, beam_options: PipelineOptions) -> None:
    """Checks all that asks for GPUs, as it was given.

    Args:
      request: `--gpu`.
      pool: `--gpu-pool`.
      beam_options: as given.

    Raises:
      ValueError: if two of them exclude each other; the message says which to leave out.
    """
    given = list_accelerators(beam_options)
    if request is not None:
        _check_beside_request(request, pool, given)
    hints = list_resource_hints(beam_options)
    _check_hints(request, pool, given, hints)
    _check_alike(given)
    by_step = [f"--resource_hints {hint}" for hint in hints]
    if request is not None and pool == "inference":
        by_step.append("--gpu-pool inference")
    if by_step and beam_options.view_as(GoogleCloudOptions).flexrs_goal:
        raise ValueError(
            f"--flexrs_goal does not go with {by_step[0]}, which chooses workers by step; leave one of them out (with "
            "--gpu-pool whole, all workers have the GPU)"
        )
    _check_sharing(given, beam_options)
    _check_machine_type(request, pool, given, beam_options)


def check_image(request: GpuRequest | None, beam_options: PipelineOptions, *, variable: str) -> None:
    """Checks that workers with GPUs have an image: Beam's own has neither CUDA nor this program's pins.

    Args:
      request: `--gpu`.
      beam_options: as they will be used.
      variable: the environment's variable that may name the image.

    Raises:
      ValueError: if there is none.
    """
    if names_image(beam_options):
        return
    given = list_accelerators(beam_options)
    named = [Accelerator.of(request).flag] if request is not None else [accelerator.flag for accelerator in given]
    if named:
        raise ValueError(
            f"{named[0]} needs an image that has CUDA's libraries: build one with `make dataflow-image`, and "
            f"give it with --sdk_container_image or in {variable}"
        )


def names_image(beam_options: PipelineOptions) -> bool:
    """Returns whether the options say which image the workers have, or that one is to be made for them."""
    workers = beam_options.view_as(WorkerOptions)
    prebuilt = beam_options.view_as(SetupOptions).prebuild_sdk_container_engine
    return bool(workers.sdk_container_image or workers.worker_harness_container_image or prebuilt)


def _check_beside_request(request: GpuRequest, pool: str, given: Sequence[Accelerator]) -> None:
    for accelerator in given:
        same = (accelerator.type, accelerator.count) == (request.gpu.accelerator, request.count)
        if pool == "whole" and same and not accelerator.is_hint:
            continue  # what was given by hand is what counts
        raise ValueError(
            f"--gpu {request.gpu.name} (--gpu-pool {pool}) and {accelerator.flag} both ask for GPUs; leave one of them "
            "out"
        )


def _check_hints(request: GpuRequest | None, pool: str, given: Sequence[Accelerator], hints: Sequence[str]) -> None:
    """Refuses a GPU of the whole pool together with right fitting, which any resource hint turns on."""
    whole = [accelerator.flag for accelerator in given if not accelerator.is_hint]
    if request is not None and pool == "whole":
        whole.append("--gpu-pool whole")
    if whole and hints:
        raise ValueError(
            f"{whole[0]} gives every worker a GPU, and --resource_hints {hints[0]} chooses workers by step; Dataflow "
            "takes only one of the two. For a GPU at the model's step alone give --gpu-pool inference"
        )


def _check_alike(given: Sequence[Accelerator]) -> None:
    """Refuses GPUs that are asked for twice, in two ways: Dataflow takes either."""
    for first, second in itertools.pairwise(given):
        if (first.type, first.count) != (second.type, second.count):
            raise ValueError(f"{first.flag} and {second.flag} ask for different GPUs; leave one of them out")


def _check_sharing(given: Sequence[Accelerator], beam_options: PipelineOptions) -> None:
    experiments = beam_options.view_as(DebugOptions).experiments or ()
    one_process = ONE_PROCESS in experiments
    if one_process and MANY_PROCESSES in experiments:
        raise ValueError(f"--experiments has {ONE_PROCESS} and {MANY_PROCESSES}; leave one of them out")
    for accelerator in given:
        if MPS in accelerator.words and one_process:
            raise ValueError(
                f"{MPS} shares a GPU among processes, and --experiments {ONE_PROCESS} allows one on each worker; leave "
                "one of them out"
            )
        if MPS in accelerator.words and accelerator.count > 1:
            raise ValueError(f"{MPS} works with one GPU on each worker; {accelerator.flag} has {accelerator.count}")


def _check_machine_type(
    request: GpuRequest | None, pool: str, given: Sequence[Accelerator], beam_options: PipelineOptions
) -> None:
    machine_type = beam_options.view_as(WorkerOptions).machine_type
    if request is not None and pool == "inference":
        return  # it is that of the workers without a GPU
    asked = [Accelerator.of(request)] if request is not None else [each for each in given if not each.is_hint]
    for accelerator in asked:
        gpu = read_own_table().find(accelerator.type)
        if not machine_type or gpu is None:
            continue
        for count, machine in gpu.machines.items():
            # Those of N1 take any number of GPUs; all others have theirs built in.
            if machine.type == machine_type and count != accelerator.count and not machine_type.startswith("n1-"):
                raise ValueError(
                    f"--machine_type is {machine_type}, which has {count} {gpu.label}, and {accelerator.flag} asks for "
                    f"{accelerator.count}; leave one of them out"
                )
        families = sorted({machine.type.split("-")[0] for machine in gpu.machines.values()})
        if machine_type.split("-")[0] not in (*families, "custom"):
            raise ValueError(
                f"--machine_type is {machine_type}, which can't have a {gpu.label}; give one of the family "
                f"{' or '.join(families)}, or leave it out"
            )
