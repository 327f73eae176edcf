"""Files by their literal names, on any file system that Apache Beam knows: list, copy, move and delete them.

Beam's own `FileSystems.match`, `delete` and `rename` take a path for a pattern, so a folder called `[x]` matches
nothing; and they ask a bucket about each file by itself. These functions take a path as it is, and send what a bucket
takes together in one request. Each can be repeated: what is done already counts as done.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import posixpath
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.object_stores import open_google_storage, open_s3
from albert_embed.transforms.files.open_bytes import create_bytes, open_bytes

COPY_CHUNK_BYTES = 1 << 22
# What Google Cloud Storage takes in one batch.
_BATCH_FILES = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file that a listing has found.

    Attributes:
      name: relative to the listed directory, with slashes.
      bytes: its size.
      modified: when it was last written, seconds since 1970.
    """

    name: str
    bytes: int
    modified: float


def list_files(directory: str) -> list[FoundFile]:
    """Lists all files below a directory, by name; none where there is no such directory.

    Raises:
      OSError: if a folder can't be listed.
    """
    found = _list_remote(directory) if is_remote(directory) else _list_local(directory)
    return sorted(found, key=lambda file: file.name)


def move_files(pairs: Sequence[tuple[str, str]]) -> None:
    """Moves files to other names on the same file system. What was moved before stays where it is.

    Args:
      pairs: (source, destination).

    Raises:
      FileNotFoundError: if neither the source nor the destination is there.
      OSError: if a file can't be moved.
    """
    if not pairs:
        return
    if not is_remote(pairs[0][0]):
        for source, destination in pairs:
            _move_local(source, destination)
        return
    for start in range(0, len(pairs), _BATCH_FILES):
        _move_remote(pairs[start : start + _BATCH_FILES])


def delete_files(paths: Iterable[str]) -> None:
    """Deletes files. Those that are not there count as deleted.

    Raises:
      OSError: if a file can't be deleted.
    """
    remote = []
    for path in paths:
        if is_remote(path):
            remote.append(path)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    for start in range(0, len(remote), _BATCH_FILES):
        _delete_remote(remote[start : start + _BATCH_FILES])


def list_directory(path: str) -> list[str]:
    """Lists the names of all files below a directory, relative to it; none where there is no such directory."""
    return [file.name for file in list_files(path)]


def delete_directory(path: str) -> None:
    """Deletes all files below a directory, and itself; nothing happens where there is none.

    Raises:
      OSError: if a file can't be deleted.
    """
    if is_remote(path):
        delete_files([posixpath.join(path, name) for name in list_directory(path)])
        return
    # A worker of a run that is over may still write there, or delete at the same time.
    shutil.rmtree(path, onerror=_pass_over_missing)


def copy_directory(source: str, destination: str) -> None:
    """Copies all files of a directory, from and to any file system, over what is there.

    Raises:
      OSError: if a file can't be read or written.
    """
    if not is_remote(source) and not is_remote(destination):
        try:
            shutil.copytree(source, destination, dirs_exist_ok=True)
        except shutil.Error as e:  # it goes on after an error, and lists all of them
            (_, _, why), *others = e.args[0]
            raise OSError(f"{why}, and {len(others)} more that fail" if others else why) from e
        return
    for name in list_directory(source):
        copy_file(posixpath.join(source, name), posixpath.join(destination, name))


def copy_file(source: str, destination: str) -> None:
    """Copies one file, from and to any file system, over what is there.

    Raises:
      OSError: if it can't be read or written.
    """
    if not is_remote(destination):
        os.makedirs(os.path.dirname(destination), exist_ok=True)
    with open_bytes(source) as reader, create_bytes(destination) as writer:
        shutil.copyfileobj(reader, writer, COPY_CHUNK_BYTES)


def _pass_over_missing(_: Any, path: str, raised: Any) -> None:
    if not isinstance(raised[1], FileNotFoundError):
        raise raised[1]


def _list_local(directory: str) -> Iterator[FoundFile]:
    waiting = [directory]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = list(entries)
        except (FileNotFoundError, NotADirectoryError):
            continue  # it was removed meanwhile, or never there
        for entry in found:
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                status = entry.stat()
                name = os.path.relpath(entry.path, directory).replace(os.sep, "/")
                yield FoundFile(name=name, bytes=status.st_size, modified=status.st_mtime)


def _list_remote(directory: str) -> Iterator[FoundFile]:
    from apache_beam.io.filesystems import FileSystems

    root = directory.rstrip("/") + "/"
    for metadata in FileSystems.get_filesystem(root)._list(root):
        name = metadata.path.removeprefix(root)
        if name and not name.endswith("/"):  # a marker that some programs write for a folder
            yield FoundFile(
                name=name, bytes=metadata.size_in_bytes, modified=float(metadata.last_updated_in_seconds or 0)
            )


def _move_local(source: str, destination: str) -> None:
    os.makedirs(os.path.dirname(destination), exist_ok=True)
    try:
        os.replace(source, destination)
    except FileNotFoundError:
        if not os.path.exists(destination):
            raise


def _move_remote(pairs: Sequence[tuple[str, str]]) -> None:
    if pairs[0][0].startswith("gs://"):
        copied = open_google_storage().copy_batch(list(pairs))
    else:
        copied = [(source, destination, _copy(source, destination)) for source, destination in pairs]
    moved, failed = [], []
    for source, destination, error in copied:
        if error is None or (_is_missing(error) and _exists(destination)):
            moved.append(source)
        else:
            failed.append((source, error))
    _delete_remote(moved)
    if failed:
        source, error = failed[0]
        kind = FileNotFoundError if _is_missing(error) else OSError
        raise kind(f"can't move {source}: {error} ({len(failed)} files)")


def _copy(source: str, destination: str) -> Exception | None:
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    try:
        FileSystems.get_filesystem(source).copy([source], [destination])
    except BeamIOError as e:
        found = next(iter((e.exception_details or {}).values()), e)
        return found if isinstance(found, Exception) else e
    except OSError as e:
        return e
    return None


def _exists(path: str) -> bool:
    from apache_beam.io.filesystems import FileSystems

    return bool(FileSystems.exists(path))


def _is_missing(error: Any) -> bool:
    """Returns whether an error of a copy says that the source is not there."""
    return isinstance(error, FileNotFoundError) or 404 in (error, getattr(error, "code", None))


def _delete_remote(paths: Sequence[str]) -> None:
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    if not paths:
        return
    if paths[0].startswith("gs://"):
        failed = {path: error for path, error in open_google_storage().delete_batch(list(paths)) if error}
    elif paths[0].startswith("s3://"):
        failed = {
            path: error for path, error in open_s3().delete_files(list(paths)) if error and not _is_missing(error)
        }
    else:
        failed = {}
        for path in paths:
            try:
                FileSystems.get_filesystem(path).delete([path])
            except BeamIOError as e:
                if _exists(path):
                    failed[path] = e
    if failed:
        path, error = next(iter(failed.items()))
        raise OSError(f"can't delete {path}: {error} ({len(failed)} files)")
