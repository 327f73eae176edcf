"""`PublishedOutput`: one version of a finished output, the same to its last row even if it is replaced meanwhile."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.dataset.manifest import Manifest, read_manifest
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.directories import is_remote

# More files than this are not held open: a process may have 1,024 of them by default.
_HELD_FILES = 256
_DESCRIPTORS = "/dev/fd"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file that can be read now.

    Attributes:
      path: where.
      generation: the generation of the dataset that it belongs to.
    """

    path: str
    generation: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedOutput:
    """What the manifest of a finished output names.

    Attributes:
      directory: where it is.
      manifest: what it says.
      shards: the data files in the format that is read, where they can be read.
      documents: the files of documents' vectors, likewise.
      tombstones: the files of tombstones, likewise.
      failures: the failures files, likewise.
    """

    directory: str
    manifest: Manifest
    shards: list[PublishedFile]
    documents: list[PublishedFile]
    tombstones: list[PublishedFile]
    failures: list[PublishedFile]

    @property
    def format(self) -> str:
        """The format of the data files that are read, the first sink's."""
        return choose_format(self.manifest)


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
                output = find_published_output(directory, manifest)
                files = len(output.shards) + len(output.documents) + len(output.tombstones) + len(output.failures)
                if files <= _HELD_FILES and os.path.isdir(_DESCRIPTORS):
                    output = dataclasses.replace(
                        output,
                        shards=_hold(output.shards, held),
                        documents=_hold(output.documents, held),
                        tombstones=_hold(output.tombstones, held),
                        failures=_hold(output.failures, held),
                    )
            except (OutputError, FileNotFoundError):
                if read_manifest(directory) != manifest:
                    continue  # replaced between the manifest and the files
                raise
            yield output
            return


def find_published_output(directory: str, manifest: Manifest) -> PublishedOutput:
    """The files that a manifest names, which are not held open.

    Raises:
      OutputError: where one is missing or has another size.
    """
    shards = find_files(directory, manifest.shards)
    chosen = choose_format(manifest)
    return PublishedOutput(
        directory=directory,
        manifest=manifest,
        shards=[file for file, shard in zip(shards, manifest.shards, strict=True) if shard.format == chosen],
        documents=find_files(directory, [file for file in manifest.document_shards if file.format == chosen]),
        tombstones=find_files(directory, manifest.tombstone_shards),
        failures=find_files(directory, manifest.failure_shards),
    )


def choose_format(manifest: Manifest) -> str:
    """The format that readers take, where an output has several: the first sink's."""
    return (manifest.shards[0].format if manifest.shards else None) or "tfrecord"


def find_files(directory: str, files: Sequence[DataFile]) -> list[PublishedFile]:
    """`files` of a manifest where they can be read, which must be there with the sizes that it says.

    Raises:
      OutputError: where one is missing or has another size.
    """
    return [_find_file(directory, file) for file in files]


def _find_file(directory: str, file: DataFile) -> PublishedFile:
    path = FileSystems.join(directory, file.path)
    try:
        size = FileSystems.get_filesystem(path).metadata(path).size_in_bytes
    except BeamIOError as e:
        raise describe_damage(directory, f"{file.path} is missing") from e
    if size != file.bytes:
        raise describe_damage(directory, f"{file.path} has {size} bytes, the manifest says {file.bytes}")
    if file.generation is None:
        raise describe_damage(directory, f"the manifest does not say which generation {file.path} is of")
    return PublishedFile(path=path, generation=file.generation)


def describe_damage(directory: str, what: str) -> OutputError:
    """The error that says that a finished output is no longer what its manifest says."""
    return OutputError(f"{directory}: {what}; the output was damaged after it was published, make it again")


def _hold(files: list[PublishedFile], held: contextlib.ExitStack) -> list[PublishedFile]:
    """The files by paths at which they can be read for as long as they are held open; those in a bucket as they are."""
    return [file if is_remote(file.path) else _hold_file(file, held) for file in files]


def _hold_file(file: PublishedFile, held: contextlib.ExitStack) -> PublishedFile:
    descriptor = os.open(file.path, os.O_RDONLY)
    held.callback(os.close, descriptor)
    return dataclasses.replace(file, path=f"{_DESCRIPTORS}/{descriptor}")
