"""Resolves the given options to those that the job runs with: full paths, an output, types of kept fields."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from albert_embed.model.directory.builtin_model import names_builtin
from albert_embed.pipeline.embed.resolve_input import Input, resolve_input
from albert_embed.pipeline.launch.local_paths import refuse_local_paths
from albert_embed.pipeline.listing.input_files import InputFile
from albert_embed.pipeline.settings.embed_options import EmbedOptions
from albert_embed.pipeline.settings.runner import count_workers
from albert_embed.pipeline.settings.table_name import TableName, names_table
from albert_embed.pipeline.storage.check_path import check_destination, check_utf8
from albert_embed.pipeline.storage.paths import expand_path
from albert_embed.transforms.files.directories import is_remote


def resolve_options(
    options: EmbedOptions, beam_options: PipelineOptions, standard_input: InputFile | None = None
) -> tuple[EmbedOptions, Input]:
    """Returns the options with full paths, an output, a format and types of fields, and the input that they name.

    Args:
      options: as given.
      beam_options: of Beam.
      standard_input: the file that it was copied to, if the options name it.

    Raises:
      ValueError, OSError: if there is no directory for the output, the input can't be read, or a path lies on this
        machine alone and the workers on others.
    """
    return resolve_input(
        resolve_paths(options, beam_options),
        beam_options.view_as(GoogleCloudOptions).project,
        standard_input,
        workers=count_workers(beam_options),
    )


def resolve_paths(
    options: EmbedOptions,
    beam_options: PipelineOptions,
    checking: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> EmbedOptions:
    """Returns the options with full paths and an output.

    Args:
      options: as given.
      beam_options: of Beam.
      checking: makes a context for each check; a dry run collects what they raise, and goes on.

    Raises:
      ValueError: if there is no directory for the output, or a path is not UTF-8 or lies on this machine alone and the
        workers on others.
    """
    output_flag = "--output" if options.output else "--temp_location"
    with checking():
        options = place_output(options, beam_options)
    options = with_absolute_paths(options)
    with checking():
        check_path_names(options)
    refuse_local_paths(
        [*list_read_paths(options), (output_flag, options.output)],
        beam_options,
        shared_filesystem=options.shared_filesystem,
        checking=checking,
    )
    return options


def list_read_paths(options: EmbedOptions) -> list[tuple[str, str | None]]:
    """Returns what workers read, each path with its flag."""
    inputs = [] if options.reads_standard_input else [("--input", path) for path in options.input]
    model = None if names_builtin(options.model) else options.model  # that one comes with the program
    return [("--model", model), *inputs, ("--transform", options.transform)]


def place_output(options: EmbedOptions, beam_options: PipelineOptions) -> EmbedOptions:
    """Returns `options` with a directory below `--temp_location` if only a table is given: for all that is not rows.

    What an earlier run wrote there is replaced, because its rows are in the table.

    Raises:
      ValueError: if there is no `--temp_location`, or nothing can be written there.
    """
    if options.output or options.table is None:
        return options
    location = beam_options.view_as(GoogleCloudOptions).temp_location
    if location is None:
        raise ValueError(
            "--output with only a table needs --temp_location gs://BUCKET/PATH: the files that BigQuery loads, the "
            "failures and the manifest go there. Or give a directory beside the table"
        )
    check_destination(location, named="--temp_location")
    directory = FileSystems.join(location, "albert-embed", str(TableName.parse(options.table)))
    return dataclasses.replace(options, output=directory, overwrite=True)


def check_path_names(options: EmbedOptions) -> None:
    """Checks that the paths which TensorFlow opens are UTF-8, as it wants them, and that the output can be written.

    Those of the input need not be UTF-8.

    Args:
      options: with absolute paths.

    Raises:
      ValueError: if one is not.
    """
    for flag, path in (("--model", options.model), ("--transform", options.transform)):
        check_utf8(path or "", named=flag)
    check_destination(options.output, named="--output")


def with_absolute_paths(options: EmbedOptions) -> EmbedOptions:
    """Returns `options` with absolute local paths, because workers may run in another folder."""
    patterns = tuple(make_absolute(pattern) + ("/" if pattern.endswith("/") else "") for pattern in options.input)
    return dataclasses.replace(
        options,
        model=options.model if names_builtin(options.model) else make_absolute(options.model),
        input=options.input if options.reads_standard_input else patterns,
        output=make_absolute(options.output),
        transform=None if options.transform is None else make_absolute(options.transform),
    )


def make_absolute(path: str) -> str:
    """Makes a local path absolute, `~` and `file://` included; returns any other, or a table's name, as it is."""
    path = path if names_table(path) else expand_path(path)
    return path if is_remote(path) or names_table(path) else os.path.abspath(path)
