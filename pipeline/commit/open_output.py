"""`open_output`: checks that a run may write to a directory, before it writes anything there."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from albert_embed.pipeline.commit.claim import Claimant, read_claimant
from albert_embed.pipeline.commit.plan import read_plan
from albert_embed.pipeline.commit.staging import StagingFolder
from albert_embed.pipeline.dataset.layout import (
    CLAIM_FILE,
    MANIFEST_FILE,
    STAGING,
    VERSIONS,
    find_version_number,
    is_own_file,
    is_staged,
)
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import describe_missing, list_versions, read_manifest
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.directories import is_remote
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
        that; if it would lie in another output or around one; or if rows of the latest version are still to be
        loaded into its table.
    """
    files = [file.name for file in list_files(directory)]
    previous = _read_latest(directory) if any(find_version_number(name) for name in files) else None
    if previous is None:
        refuse_nested(directory, files)
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


def refuse_nested(directory: str, names: Iterable[str]) -> None:
    """Refuses a new output in another one, or around one: folders are listed and deleted with all that is below.

    Args:
      directory: of the new output.
      names: of the files that are there, relative to it.

    Raises:
      OutputError: if it is so, with a finished output or one that a run has claimed.
    """
    for outer in _list_parents(directory):
        if _holds_versions(outer):
            raise OutputError(
                f"{directory} lies in {outer}, which holds a finished output: whoever lists, copies or deletes that "
                "would take this with it. Give an --output beside it"
            )
        claimant = _find_claimant(outer)
        if claimant is not None:
            raise OutputError(
                f"{directory} lies in {outer}, which another run has claimed ({claimant.describe()}): whoever lists, "
                f"copies or deletes that would take this with it. {_describe_remedy(outer)}"
            )
    for name in names:
        inner, _, version = name.rpartition(f"/{VERSIONS}/")
        if inner and find_version_number(f"{VERSIONS}/{version}") is not None:
            raise OutputError(
                f"{directory} has a finished output below it, in {inner}: whoever lists, copies or deletes the one "
                "would take the other with it. Give an --output beside it, or move that one"
            )
        inner, _, file = name.rpartition("/")
        claimant = _find_claimant(f"{directory}/{inner}") if inner and file == CLAIM_FILE else None
        if claimant is not None:
            raise OutputError(
                f"{directory} has a folder below it, {inner}, which another run has claimed ({claimant.describe()}): "
                "whoever lists, copies or deletes the one would take the other with it. "
                f"{_describe_remedy(f'{directory}/{inner}')}"
            )


def _describe_remedy(claimed: str) -> str:
    return f"Give an --output beside it, or remove {claimed}/{CLAIM_FILE} if that run has ended and is not to go on"


def _list_parents(directory: str) -> Iterator[str]:
    """Yields the folders that a directory lies in, the nearest first; of a bucket, up to the bucket."""
    if not is_remote(directory):
        yield from map(str, Path(os.path.realpath(directory)).parents)
        return
    scheme, _, path = directory.partition("://")
    names = path.rstrip("/").split("/")
    yield from (f"{scheme}://{'/'.join(names[:count])}" for count in range(len(names) - 1, 0, -1))


def _holds_versions(directory: str) -> bool:
    try:
        return bool(list_versions(directory))
    except Exception:  # whoever may not list it can not have been told of an output there; clients raise many kinds
        return False


def _find_claimant(directory: str) -> Claimant | None:
    try:
        return read_claimant(directory)
    except Exception:  # as with versions; a folder above may be one of the system's
        return None


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
