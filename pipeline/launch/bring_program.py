"""Brings this program to the workers of a remote runner."""

from __future__ import annotations

import atexit
import logging
import shutil
import tempfile
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions

from albert_embed.pipeline.launch.own_wheel import build_own_wheel
from albert_embed.pipeline.settings.runner import runs_on_this_machine

logger = logging.getLogger(__name__)


def bring_program(beam_options: PipelineOptions) -> Path | None:
    """Adds this program's own wheel to what a job stages, where its workers are other machines.

    A wheel or an sdist of it that is given with `--extra_package` is taken as it is.

    Args:
      beam_options: of the job; they are changed.

    Returns:
      The wheel, which lasts as long as this process; None where nothing was added.

    Raises:
      OSError: if the wheel can't be made.
    """
    if runs_on_this_machine(beam_options):
        return None
    setup = beam_options.view_as(SetupOptions)
    packages = list(setup.extra_packages or ())
    if any(Path(package).name.replace("-", "_").startswith("albert_embed_") for package in packages):
        return None
    folder = Path(tempfile.mkdtemp(prefix="albert_embed_wheel_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    wheel = build_own_wheel(folder)
    setup.extra_packages = [*packages, str(wheel)]
    logger.info("the job brings this program to its workers: %s, %d bytes", wheel.name, wheel.stat().st_size)
    return wheel
