"""Submits the pipeline of a run, and waits until the run has said how it ended."""

from __future__ import annotations

import dataclasses
import logging
import shlex
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult, PipelineState

from albert_embed.pipeline.commit.plan import read_plan
from albert_embed.pipeline.commit.publish import find_published
from albert_embed.pipeline.commit.runner_job import RunnerJob, find_job
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.commit.verdict import PUBLISHED, Verdict, read_verdict
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import read_version
from albert_embed.pipeline.publication.run_errors import RunFailedError, raise_failure

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SubmittedRun:
    """A run that goes on without this program.

    Attributes:
      run: its name.
      job: the job on the runner; None where a template was written, which nobody has started.
      template: where the template was written; None where there is a job.
    """

    run: str
    job: RunnerJob | None
    template: str | None


def submit(pipeline: beam.Pipeline, beam_options: PipelineOptions) -> tuple[PipelineResult, RunnerJob | None]:
    """Starts a pipeline, and returns Beam's result, and the job that outlives this program, if there is one.

    Raises:
      Exception: what the runner raises; the in-process runner only returns when the pipeline has ended.
    """
    result = pipeline.run()
    return result, find_job(beam_options, result)


def wait_for_verdict(result: PipelineResult, staging: StagingFolder) -> Verdict:
    """Waits until a pipeline has ended, and returns the verdict of its run.

    Raises:
      RuntimeError: if the run failed: the error that its verdict names, or what the runner says.
    """
    try:
        state: Any = result.wait_until_finish()
    except Exception as e:
        return explain(staging, e)
    verdict = _find_verdict(staging)
    if verdict is not None:
        raise_failure(verdict)
        return verdict
    if state in (None, PipelineState.DONE):
        raise RuntimeError(
            f"the pipeline ended without publishing: run `albert-embed publish {shlex.quote(staging.directory)}`, or "
            "the same command again"
        )
    raise RuntimeError(f"the pipeline ended as {state}; nothing was published in {staging.directory}")


def explain(staging: StagingFolder, error: Exception) -> Verdict:
    """Returns the verdict of a run whose pipeline has raised `error`, if the run had been published by then.

    Raises:
      RuntimeError: the error that the verdict names.
      RunFailedError: if the version is published, but not all that follows is done.
      Exception: `error`, if nothing is published.
    """
    verdict = _find_verdict(staging)
    if verdict is not None:
        raise_failure(verdict, error)
        return verdict
    number = find_published(staging.directory, staging.run)
    if number is not None:
        raise RunFailedError(
            f"version {number} of {staging.directory} is published, but not all that follows is "
            f"done: run `albert-embed publish {shlex.quote(staging.directory)}`. The cause: {error}"
        ) from error
    raise error


def _find_verdict(staging: StagingFolder) -> Verdict | None:
    """Returns the verdict of a run; also where the next run has begun meanwhile, and has removed it.

    That one begins only when this one has released its claim, and has done all.
    """
    verdict = read_verdict(staging)
    if verdict is not None or read_plan(staging) is not None:
        return verdict
    number = find_published(staging.directory, staging.run)
    return None if number is None else Verdict(kind=PUBLISHED, generation=number)


def read_published(staging: StagingFolder, number: int) -> Manifest:
    """Reads the version that a run has published.

    Raises:
      RunFailedError: if it is not there any more.
    """
    try:
        return read_version(staging.directory, number)
    except FileNotFoundError as e:
        raise RunFailedError(
            f"the run has published version {number} of {staging.directory}, which another run has replaced: its "
            "figures are not known any more"
        ) from e
