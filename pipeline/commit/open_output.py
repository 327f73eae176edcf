"""`open_output`: checks that a run may write to a directory, before it writes anything there."""

from __future__ import annotations

import shlex

from albert_embed.pipeline.commit.plan import read_plan
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.dataset.layout import (
    CLAIM_FILE,
    MANIFEST_FILE,
    STAGING,
    find_version_number,
    is_own_file,
    is_staged,
)
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import describe_missing, read_manifest
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.literal_files import list_files


def open_output(directory: str, *, overwrite: bool, add: bool = False) -> Manifest | None:
    """Checks what a directory holds.

    Args:
      directory: the dataset's, claimed by the run.
      overwrite: whether the run may replace what is there.
      add: whether the run adds to a dataset that may be there.

    Returns:
      The manifest of the latest version, if there is one.

    Raises:
      OutputError: if the directory holds a finished output or anything else, and neither `overwrite` nor `add` allows
        that; or if rows of the latest version are still to be loaded into its table.
    """
    files = [file.name for file in list_files(directory)]
    previous = _read_latest(directory) if any(find_version_number(name) for name in files) else None
    if previous is None:
        if MANIFEST_FILE in files:
            raise OutputError(f"{describe_missing(directory)}; --overwrite does not replace it: remove the file first")
        unfinished = any(is_staged(name) for name in files)
        # What looks like rows is a run's own only where a run was cut off, which may have moved it.
        foreign = sorted(name for name in files if name != CLAIM_FILE and not (unfinished and is_own_file(name)))
        if foreign and not overwrite:
            raise OutputError(
                f"{directory} already holds something ({', '.join(foreign[:3])}); "
                "give an empty or new --output, or --overwrite to write there anyway"
            )
        return None
    _refuse_pending(directory, previous)
    if not overwrite and not add:
        raise OutputError(f"{directory} holds a finished output; give another --output, or --overwrite to replace it")
    return previous


def _read_latest(directory: str) -> Manifest:
    try:
        return read_manifest(directory)
    except OutputError as e:
        raise OutputError(f"{e}; --overwrite replaces outputs of this program only: remove the file first") from e


def _refuse_pending(directory: str, previous: Manifest) -> None:
    """Raises OutputError if the table lacks rows of the latest version: a later one must not overtake them."""
    if previous.pending_table is None:
        return
    staging = StagingFolder(directory=directory, run=previous.run)
    if read_plan(staging) is None:
        return  # somebody has removed it, to give these rows up
    raise OutputError(
        f"the rows of version {previous.generation} of {directory} are not in {previous.pending_table} yet: run "
        f"`albert-embed publish {shlex.quote(directory)}` first. To give them up, delete "
        f"{directory}/{STAGING}/{previous.run}"
    )
