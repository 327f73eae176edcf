"""Refuses paths of this machine where the workers are other machines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from albert_embed.pipeline.settings.runner import runs_on_this_machine
from albert_embed.pipeline.settings.table_name import names_table
from albert_embed.transforms.files.directories import is_remote


def refuse_local_paths(
    paths: Iterable[tuple[str, str | None]],
    options: PipelineOptions,
    *,
    shared_filesystem: bool,
    checking: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
) -> None:
    """Refuses what the workers would not find, or would write where nobody looks.

    Args:
      paths: a flag and a path that it names, which may be a table or the address of a model on TF Hub; None and an
        empty path stand for nothing.
      options: say where the workers run.
      shared_filesystem: whether they see the disk of this machine.
      checking: makes a context for each check; a dry run collects what they raise, and goes on.

    Raises:
      ValueError: if one is a path of this machine.
    """
    if shared_filesystem or runs_on_this_machine(options):
        return
    for flag, path in paths:
        if path and not is_remote(path) and not names_table(path):
            runner = options.view_as(StandardOptions).runner
            with checking():
                raise ValueError(
                    f"{flag} {path} is a path of this machine, which the workers of {runner} may not have: give a path "
                    "in a bucket, or --shared-filesystem if every worker sees the same files there"
                )
