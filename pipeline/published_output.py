"""`PublishedOutput`: one version of a finished output, the same to its last row even if it is replaced meanwhile."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from pipeline.manifest import Manifest, OutputError, read_manifest

# More files than this are not held open: a process may have 1,024 of them by default.
_HELD_FILES = 256
_DESCRIPTORS = "/dev/fd"


class PublishedOutput:
    """What the manifest of a finished output names.

    Attributes:
      directory: where it is.
      manifest: what it says.
      format: the format of the data files that are read, the first sink's.
      shard_paths: where those can be read.
      failure_paths: where the failures files can be read.
    """

    def __init__(self, directory: str, manifest: Manifest, shard_paths: list[str], failure_paths: list[str]) -> None:
        self.directory = directory
        self.manifest = manifest
        self.format = choose_format(manifest)
        self.shard_paths = shard_paths
        self.failure_paths = failure_paths


@contextlib.contextmanager
def open_published_output(directory: str) -> Iterator[PublishedOutput]:
    """The latest version of the output in `directory`, for the time of the `with` block.

    Its local files are held open and read through their descriptors, so that a run that replaces the output does not
    reach them. (A bucket's, or more than 256 of them, can't be: a file that goes while it is read is an error there.)

    Raises:
      OutputError: where the directory is not a finished output, or was damaged since.
    """
    while True:
        manifest = read_manifest(directory)
        with contextlib.ExitStack() as held:
            try:
                shard_paths = find_data_shards(directory, manifest)
                failure_paths = find_shards(directory, manifest.failure_shards)
                if len(shard_paths) + len(failure_paths) <= _HELD_FILES and os.path.isdir(_DESCRIPTORS):
                    shard_paths = [_hold(path, held) for path in shard_paths]
                    failure_paths = [_hold(path, held) for path in failure_paths]
            except (OutputError, FileNotFoundError):
                if read_manifest(directory) != manifest:
                    continue  # replaced between the manifest and the files
                raise
            yield PublishedOutput(directory, manifest, shard_paths, failure_paths)
            return


def choose_format(manifest: Manifest) -> str:
    """The format that readers take, where an output has several: the first sink's."""
    return str(manifest.shards[0]["format"]) if manifest.shards else "tfrecord"


def find_data_shards(directory: str, manifest: Manifest) -> list[str]:
    """The paths of the data files in the format that readers take; all files must be there, as in `find_shards`.

    Raises:
      OutputError: where one is missing or has another size.
    """
    paths = find_shards(directory, manifest.shards)
    chosen = choose_format(manifest)
    return [path for path, shard in zip(paths, manifest.shards, strict=True) if shard["format"] == chosen]


def find_shards(directory: str, shards: Sequence[dict[str, Any]]) -> list[str]:
    """The paths of `shards`, which must be there with the sizes that the manifest says.

    Raises:
      OutputError: where one is missing or has another size.
    """
    paths = [FileSystems.join(directory, shard["path"]) for shard in shards]
    for path, shard in zip(paths, shards, strict=True):
        try:
            size = FileSystems.get_filesystem(path).metadata(path).size_in_bytes
        except BeamIOError as e:
            raise describe_damage(directory, f"{shard['path']} is missing") from e
        if size != shard["bytes"]:
            raise describe_damage(directory, f"{shard['path']} has {size} bytes, the manifest says {shard['bytes']}")
    return paths


def describe_damage(directory: str, what: str) -> OutputError:
    """The error that says that a finished output is no longer what its manifest says."""
    return OutputError(f"{directory}: {what}; the output was damaged after it was published, make it again")


def _hold(path: str, held: contextlib.ExitStack) -> str:
    """`path`, or where it is local another one by which the open file can be read for as long as it is held."""
    if "://" in path:
        return path
    descriptor = os.open(path, os.O_RDONLY)
    held.callback(os.close, descriptor)
    return f"{_DESCRIPTORS}/{descriptor}"
