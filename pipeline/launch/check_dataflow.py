"""Refuses what the Dataflow service would refuse, or what would fail there once machines are paid for."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    WorkerOptions,
)

from albert_embed.pipeline.settings.choices import check_at_least
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.table_name import PROJECT_ID

# Both also of the kinds that exist for few customers, such as europe-west12-a and us-east4.
_REGION = re.compile(r"[a-z]+(-[a-z]+)+\d+")
_ZONE = re.compile(r"([a-z]+(?:-[a-z]+)+\d+)-[a-z]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_BUCKET_PART = 63  # characters between two dots
# Those of Beam's options that are secrets themselves.
SECRET_OPTIONS = ("s3_secret_access_key", "s3_session_token", "azure_connection_string")
_JOB = re.compile(r"[a-z](?:[-a-z0-9]{0,1022}[a-z0-9])?")


def check_dataflow(
    options: EmbedOptions,
    beam_options: PipelineOptions,
    checking: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> None:
    """Checks what Dataflow needs and is given: project, region, buckets, names, files to stage.

    Args:
      options: of the run.
      beam_options: of the run; the region is set where only gcloud names it.
      checking: makes a context for each check; a dry run collects what they raise, and goes on.

    Raises:
      ValueError: if something is missing or malformed; the message says what to give.
    """
    with checking():
        _check_project(beam_options)
    with checking():
        _check_places(beam_options)
    with checking():
        _check_buckets(options, beam_options)
    with checking():
        _check_secrets(beam_options)
    with checking():
        _check_workers(beam_options)
    with checking():
        _check_staged_files(beam_options)


def _check_project(beam_options: PipelineOptions) -> None:
    cloud = beam_options.view_as(GoogleCloudOptions)
    if not cloud.project:
        raise ValueError("Dataflow needs a project; give its id with --project")
    if re.fullmatch(PROJECT_ID, cloud.project) is None:
        raise ValueError(
            f"--project is {cloud.project!r}, which is no project's id; give the id, such as my-project-123456, not "
            "the number or the name"
        )
    if cloud.job_name and _JOB.fullmatch(cloud.job_name) is None:
        raise ValueError(
            f"--job_name is {cloud.job_name!r}; give small letters, digits and hyphens, beginning with a letter and "
            "ending with a letter or a digit"
        )


def _check_places(beam_options: PipelineOptions) -> None:
    cloud, workers = beam_options.view_as(GoogleCloudOptions), beam_options.view_as(WorkerOptions)
    region = cloud.region or _find_default_region()
    if not region:
        raise ValueError("Dataflow needs a region; give one with --region, such as us-central1")
    for flag, value in (("--region", region), ("--worker_region", workers.worker_region)):
        if value and (zone := _ZONE.fullmatch(value)):
            raise ValueError(
                f"{flag} is {value!r}, which is a zone; give the region {zone[1]}, and --worker_zone {value}"
            )
        if value and _REGION.fullmatch(value) is None:
            raise ValueError(f"{flag} is {value!r}, which is no region; give one such as us-central1")
    if workers.worker_zone and workers.worker_region:
        raise ValueError("--worker_zone and --worker_region exclude each other; give one of them")
    if workers.worker_zone and _ZONE.fullmatch(workers.worker_zone) is None:
        raise ValueError(f"--worker_zone is {workers.worker_zone!r}, which is no zone; give one such as us-central1-a")
    cloud.region = region


def _find_default_region() -> str | None:
    """Returns the region that gcloud has been set to, as Beam looks it up."""
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    found: str | None = DataflowRunner().get_default_gcp_region()
    return found


def _check_buckets(options: EmbedOptions, beam_options: PipelineOptions) -> None:
    cloud = beam_options.view_as(GoogleCloudOptions)
    if not cloud.temp_location and not cloud.staging_location:
        raise ValueError("Dataflow needs a folder for temporary files; give --temp_location gs://BUCKET/tmp")
    for flag, path in _list_places(options, cloud):
        if flag in ("--temp_location", "--staging_location") and not path.startswith("gs://"):
            raise ValueError(f"{flag} is {path!r}; Dataflow needs a folder in a bucket, such as gs://BUCKET/tmp")
        if path.startswith("gs://"):
            _check_bucket(flag, path)


def _list_places(options: EmbedOptions, cloud: GoogleCloudOptions) -> Iterator[tuple[str, str]]:
    """Yields the flag and the path of everything that may lie in a bucket."""
    given = [("--temp_location", cloud.temp_location), ("--staging_location", cloud.staging_location)]
    given += [("--model", options.model), ("--output", options.output), ("--transform", options.transform)]
    given += [("--input", pattern) for pattern in options.input]
    for flag, path in given:
        if path:
            yield flag, path


def _check_bucket(flag: str, path: str) -> None:
    bucket = path.removeprefix("gs://").split("/", 1)[0]
    too_long = any(len(part) > _BUCKET_PART for part in bucket.split("."))
    if _BUCKET.fullmatch(bucket) is None or ".." in bucket or too_long:
        raise ValueError(
            f"{flag} is {path!r}, whose bucket {bucket!r} can't exist: give 3 to 63 small letters, digits, hyphens, "
            "dots and underscores, as gs://BUCKET/PATH"
        )


def _check_secrets(beam_options: PipelineOptions) -> None:
    """Refuses secrets among the options: the service shows all options on the job's page."""
    given = beam_options.get_all_options(drop_default=True)
    for option in SECRET_OPTIONS:
        if given.get(option):
            raise ValueError(
                f"--{option} would be shown on the job's page; leave it out, and give workers their rights by their "
                "account, or by what their image finds in a secret manager"
            )


def _check_workers(beam_options: PipelineOptions) -> None:
    workers = beam_options.view_as(WorkerOptions)
    check_at_least("--num_workers", workers.num_workers, 1)
    check_at_least("--max_num_workers", workers.max_num_workers, 1)
    if workers.num_workers and workers.max_num_workers and workers.num_workers > workers.max_num_workers:
        raise ValueError(
            f"--num_workers {workers.num_workers} is more than --max_num_workers {workers.max_num_workers}; lower the "
            "one or raise the other"
        )


def _check_staged_files(beam_options: PipelineOptions) -> None:
    setup = beam_options.view_as(SetupOptions)
    files = [("--setup_file", setup.setup_file), ("--requirements_file", setup.requirements_file)]
    files += [("--extra_package", package) for package in setup.extra_packages or ()]
    files += [("--files_to_stage", file) for file in setup.files_to_stage or ()]
    for flag, file in files:
        if file and "://" not in file and not os.path.isfile(file):
            raise ValueError(f"{flag} is {file!r}, and there is no such file on this machine")
