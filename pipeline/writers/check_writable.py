"""Whether a directory or a file can be written, found out without writing to it."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.object_stores import open_google_storage

# Of Google Cloud Storage: what a run does with the files of its output.
_PERMISSIONS = ("storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list")


def check_writable(directory: str, *, named: str = "--output") -> None:
    """Checks that a directory can be written, or made where it is not there yet.

    Args:
      directory: on any file system that Beam knows; only of local ones and of `gs://` can this be found out.
      named: what names it on the command line.

    Raises:
      OutputError: if it can't be.
    """
    if directory.startswith("gs://"):
        _check_bucket(directory, named)
    elif not is_remote(directory):
        _check_local(directory, named)


def find_existing(path: str) -> str:
    """Returns a local path, or where there is nothing the nearest one above it that is there."""
    while not os.path.lexists(path):
        path = os.path.dirname(path) or "."
    return path


def check_file_writable(path: str, *, named: str) -> None:
    """Checks that a local file can be written; folders above it need not be there yet.

    Args:
      path: of the file. One in a bucket is not looked at.
      named: what names it on the command line.

    Raises:
      OutputError: if it can't be.
    """
    if is_remote(path):
        return
    folder = find_existing(os.path.dirname(os.path.abspath(path)))
    if os.path.isdir(path) or path.endswith("/"):
        why = "it is a folder"
    elif not os.path.isdir(folder):
        why = f"{folder} is no folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        why = f"there is no right to write in {folder}"
    else:
        return
    raise OutputError(f"{named} {path} can't be written: {why}; give a file in a folder of yours")


def _check_local(directory: str, named: str) -> None:
    existing = find_existing(directory)
    if not os.path.isdir(existing):
        raise OutputError(f"{named} {directory} can't be made: {existing} is no folder; give another {named}")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(
            f"{named} {directory} can't be written: there is no right to write in {existing}; give another {named}, "
            "or run as a user who may write there"
        )
    if os.statvfs(existing).f_blocks == 0:
        _try_folder(directory, existing, named)


def _try_folder(directory: str, existing: str, named: str) -> None:
    """Makes a folder and removes it again. Only where a file system says that it has no size, as /proc does.

    Such a one may take nothing, whatever the rights of its folders are.
    """
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".albert-embed-", dir=existing))
    except OSError as e:
        raise OutputError(
            f"{named} {directory} can't be written: nothing can be made in {existing} ({e.strerror or e}); give "
            f"another {named}"
        ) from e


def _check_bucket(directory: str, named: str) -> None:
    name = directory.removeprefix("gs://").split("/", 1)[0]
    bucket: Any = open_google_storage().client.bucket(name)
    granted = bucket.test_iam_permissions(list(_PERMISSIONS))
    missing = [permission for permission in _PERMISSIONS if permission not in granted]
    if missing:
        raise OutputError(
            f"{named} {directory} can't be written: the account lacks {', '.join(missing)} on the bucket {name}; give "
            f"it roles/storage.objectAdmin there, or give another {named}"
        )
