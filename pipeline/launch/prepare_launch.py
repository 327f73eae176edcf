"""`prepare_launch`: completes and checks what a job on other machines is started with, before anything is written."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from apache_beam.options.pipeline_options import PipelineOptions, WorkerOptions

from albert_embed.pipeline.launch.accelerator import Accelerator, check_resource_hints, list_accelerators
from albert_embed.pipeline.launch.batch_tokens import refuse_streams
from albert_embed.pipeline.launch.bring_program import bring_program
from albert_embed.pipeline.launch.check_accelerators import check_accelerators, check_image, names_image
from albert_embed.pipeline.launch.check_dataflow import check_dataflow
from albert_embed.pipeline.launch.gpu_request import GpuRequest
from albert_embed.pipeline.launch.worker_settings import Setting, apply_settings, choose_worker_settings
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import DATAFLOW, check_runner, name_runner

logger = logging.getLogger(__name__)

# Names the workers' image where no option does; the launcher's image has it.
IMAGE_VARIABLE = "ALBERT_EMBED_IMAGE"


def prepare_launch(
    options: EmbedOptions,
    beam_options: PipelineOptions,
    checking: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> EmbedOptions:
    """Completes Beam's options for the runner, and says what it sets.

    Args:
      options: of the run, as given.
      beam_options: of the run; they are changed.
      checking: makes a context for each check; a dry run collects what they raise, and goes on.

    Returns:
      The options of the run: where workers have GPUs, `--engine auto` is TensorFlow.

    Raises:
      ValueError, OSError: if something is missing, malformed, or excludes something else.
    """
    with checking():
        check_runner(beam_options)
    on_dataflow = name_runner(beam_options) == DATAFLOW
    with checking():
        if options.gpu is not None and not on_dataflow:
            raise ValueError(
                f"--gpu {options.gpu} asks Dataflow for GPUs; give --runner DataflowRunner, or leave it out: elsewhere "
                "the workers use the GPUs that they have"
            )
    if on_dataflow:
        options = _prepare_dataflow(options, beam_options, checking)
    with checking():
        check_resource_hints(beam_options)
    with checking():
        refuse_streams(options, beam_options)
    with checking():
        bring_program(beam_options)
    return options


def list_gpu_settings(options: EmbedOptions, beam_options: PipelineOptions) -> tuple[Setting, ...]:
    """Returns what `prepare_launch` will set for `--gpu`; nothing elsewhere than on Dataflow.

    Raises:
      ValueError: if there are no such GPUs.
    """
    if options.gpu is None or name_runner(beam_options) != DATAFLOW:
        return ()
    return _list_settings(GpuRequest.parse(options.gpu), options, beam_options)


def _list_settings(request: GpuRequest, options: EmbedOptions, beam_options: PipelineOptions) -> tuple[Setting, ...]:
    image = os.environ.get(IMAGE_VARIABLE) or None
    return choose_worker_settings(request, pool=options.gpu_pool, beam_options=beam_options, image=image)


def _prepare_dataflow(
    options: EmbedOptions, beam_options: PipelineOptions, checking: Callable[[], AbstractContextManager[None]]
) -> EmbedOptions:
    request = None
    if options.gpu is not None:
        with checking():
            request = GpuRequest.parse(options.gpu)
    check_dataflow(options, beam_options, checking)
    with checking():
        check_accelerators(request, pool=options.gpu_pool, beam_options=beam_options)
    if request is not None:
        with checking():
            settings = _list_settings(request, options, beam_options)
            apply_settings(settings, beam_options)
            for setting in settings:
                logger.info("--gpu %s sets %s: %s", options.gpu, setting, setting.reason)
        if options.gpu_pool == "inference":
            logger.info("--gpu %s at the model's step alone: accelerator=%s", options.gpu, request.step_specification)
    else:
        _take_image(beam_options)
    with checking():
        check_image(request, beam_options, variable=IMAGE_VARIABLE)
    accelerators: list[Accelerator] = []
    with checking():
        accelerators = [Accelerator.of(request)] if request is not None else list_accelerators(beam_options)
    if not accelerators:
        return options
    with checking():
        _check_engine(options, accelerators)
    # What `auto` means is looked up on this machine, too, which may have no GPU and does not know whether the image has
    # JAX.
    return dataclasses.replace(options, engine="tensorflow") if options.engine == "auto" else options


def _take_image(beam_options: PipelineOptions) -> None:
    """Gives the workers the image that the environment names, where no option does, as `--gpu` does."""
    image = os.environ.get(IMAGE_VARIABLE)
    if image and not names_image(beam_options):
        beam_options.view_as(WorkerOptions).sdk_container_image = image
        logger.info("the workers' image is %s, which %s names", image, IMAGE_VARIABLE)


def _check_engine(options: EmbedOptions, accelerators: Sequence[Accelerator]) -> None:
    """Raises ValueError if the engine can't use the GPUs that the workers have."""
    if options.engine == "openvino":
        raise ValueError("--engine openvino runs on CPUs alone; leave it out where workers have GPUs")
    for accelerator in accelerators:
        if options.engine == "jax" and accelerator.count > 1:
            raise ValueError(
                f"--engine jax uses one GPU of a worker, and {accelerator.flag} asks for {accelerator.count}; give "
                "one, and more workers"
            )
