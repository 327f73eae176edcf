"""`publish_plan`: makes the version that a plan describes the latest one, once its files are at their places."""

from __future__ import annotations

import contextlib
import dataclasses
import logging

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.commit.plan import PLAN_FILE, Plan, locate_moves, read_plan
from albert_embed.pipeline.commit.staging import RUN_FILE, StagingFolder, list_staged
from albert_embed.pipeline.commit.verdict import VERDICT_FILE
from albert_embed.pipeline.dataset.layout import DOCUMENTS_SCHEMA_FILE, ROWS_SCHEMA_FILE, version_file
from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import (
    VersionConflictError,
    copy_manifest,
    create_version,
    list_named_files,
    list_versions,
    read_version,
    replace_version,
)
from albert_embed.transforms.files.directories import write_file_atomically
from albert_embed.transforms.files.literal_files import delete_files, move_files

logger = logging.getLogger(__name__)


def move_planned(directory: str, plan: Plan) -> None:
    """Moves all files of a plan to their places.

    Raises:
      OSError: if a file can't be moved.
    """
    for part in plan.split_moves():
        move_files(locate_moves(directory, part))


def publish_plan(directory: str, plan: Plan) -> None:
    """Publishes a version whose files are at their places. Doing it again changes nothing.

    Readers have the version before until the new one is there, and the new one from then on. What only versions name
    that are no longer retained is removed last.

    Raises:
      VersionConflictError: if another run has published meanwhile; the files are staged again.
      OSError: if the file system refuses.
    """
    try:
        if not create_version(directory, plan.manifest):
            return  # a late attempt: later versions stand on this one
    except VersionConflictError:
        _move_back(directory, plan)
        raise
    for path, content in plan.schemas.items():
        write_file_atomically(FileSystems.join(directory, path), content.encode())
    gone = {ROWS_SCHEMA_FILE, DOCUMENTS_SCHEMA_FILE} - set(plan.schemas)
    copy_manifest(directory, plan.manifest)
    delete_files([FileSystems.join(directory, path) for path in sorted(gone)])
    _remove_old_versions(directory, plan.manifest)


def retain_versions(directory: str, latest: Manifest, retain: int) -> Manifest:
    """Has an output keep so many versions before its latest one, without a new one; returns its manifest.

    Raises:
      OSError: if the file system refuses.
    """
    if retain == latest.retain:
        return latest
    manifest = dataclasses.replace(latest, retain=retain)
    _remove_old_versions(directory, manifest)  # before the manifest says so: what is cut off here is done again
    replace_version(directory, manifest)
    return manifest


def find_published(directory: str, run: str) -> int | None:
    """Returns the number of the version that a run has published; None if it is not there, or not any more."""
    for number in reversed(list_versions(directory)):
        with contextlib.suppress(FileNotFoundError):  # another run has replaced it meanwhile
            if read_version(directory, number).run == run:
                return number
    return None


def _remove_old_versions(directory: str, manifest: Manifest) -> None:
    """Removes the versions that the latest one no longer retains, and the files that only they name."""
    earlier = [number for number in list_versions(directory) if number < manifest.generation]
    split = max(0, len(earlier) - manifest.retain)
    kept = [manifest, *(read_version(directory, number) for number in earlier[split:])]
    removed = [read_version(directory, number) for number in earlier[:split]]
    files = sorted(list_named_files(removed) - list_named_files(kept))
    delete_files([FileSystems.join(directory, file) for file in files])
    # Last: while they are there, a run that is cut off here is completed by the next one.
    delete_files([FileSystems.join(directory, version_file(number)) for number in earlier[:split]])


def clear_staged(directory: str, plan: Plan) -> None:
    """Removes what the run and dead ones have staged, except the verdict of the run, which somebody may wait for."""
    remove_runs(directory, [run for run in plan.dead_runs if run != plan.manifest.run])
    StagingFolder(directory=directory, run=plan.manifest.run).remove(keep=[VERDICT_FILE])


def remove_runs(directory: str, runs: list[str]) -> None:
    """Removes the staged files of runs that are dead, and what such a run had moved without publishing it.

    Args:
      directory: the dataset's.
      runs: their names; their files may be gone already.

    Raises:
      OSError: if a file can't be removed.
    """
    named: set[str] | None = None
    for run in runs:
        staging = StagingFolder(directory=directory, run=run)
        plan = read_plan(staging)
        if plan is not None:
            if named is None:
                named = _list_named(directory)
            moved = [move.destination for move in plan.moves if move.destination not in named]
            delete_files([FileSystems.join(directory, path) for path in moved])
        staging.remove()


def keep_run(directory: str, run: str) -> bool:
    """Returns whether a dead run is kept for the next `embed`, which may go on from its finished shards.

    What it had moved without publishing it is staged again. What a compaction or a published run has left is not kept.

    Raises:
      OSError: if a file can't be moved.
    """
    if not StagingFolder(directory=directory, run=run).has(RUN_FILE) or find_published(directory, run) is not None:
        return False
    restore_run(directory, run)
    return True


def restore_run(directory: str, run: str) -> bool:
    """Stages again what a dead run had moved without publishing it, so that the next one can use it.

    Returns:
      Whether there was such a run.

    Raises:
      OSError: if a file can't be moved.
    """
    staging = StagingFolder(directory=directory, run=run)
    plan = read_plan(staging)
    if plan is None or find_published(directory, run) is not None:
        return False
    try:
        _move_back(directory, plan)
    except FileNotFoundError as e:
        logger.warning("of what the run %s had finished, not all can be used again: %s", run, e)
        return True
    # It speaks of files that another run may now move to other places.
    delete_files([staging.join(PLAN_FILE)])
    return True


def _move_back(directory: str, plan: Plan) -> None:
    """Stages the files of a plan again, but for those that a version names: later ones may stand on them."""
    named = _list_named(directory)
    moved = locate_moves(directory, [move for move in plan.moves if move.destination not in named])
    move_files([(destination, source) for source, destination in moved])


def _list_named(directory: str) -> set[str]:
    """Lists the files that any version names."""
    return list_named_files([read_version(directory, number) for number in list_versions(directory)])


def list_dead_runs(directory: str, *, own: str) -> list[str]:
    """Lists the runs that are staged, except `own`: whoever has claimed the dataset knows that they are dead."""
    return [run for run in list_staged(directory) if run != own]
