"""`PublishedOutput`: one version of a finished output, which stays the same even if it is replaced meanwhile."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import posixpath
from collections.abc import Iterator, Sequence

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.dataset.manifest import Manifest
from albert_embed.pipeline.dataset.versions import read_manifest
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.directories import is_remote
from albert_embed.transforms.files.literal_files import list_files

# More files than this are not held open: a process may have 1,024 of them by default.
_HELD_FILES = 256
_DESCRIPTORS = "/dev/fd"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file that can be read now.

    Attributes:
      path: where it can be read.
      generation: the generation of the dataset that it belongs to.
    """

    path: str
    generation: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedOutput:
    """The files that the manifest of a finished output names, at the paths where they can be read.

    Attributes:
      directory: the output.
      manifest: its manifest.
      shards: the data files in the format that is read.
      documents: the files of documents' vectors in that format.
      tombstones: the files of tombstones.
      failures: the failures files.
      search_index: the file of its index, if it has one (`pipeline.dataset.search_index`).
    """

    directory: str
    manifest: Manifest
    shards: list[PublishedFile]
    documents: list[PublishedFile]
    tombstones: list[PublishedFile]
    failures: list[PublishedFile]
    search_index: list[PublishedFile]

    @property
    def format(self) -> str:
        """The format of the data files that are read, the first sink's."""
        return choose_format(self.manifest)


@contextlib.contextmanager
def open_published_output(directory: str) -> Iterator[PublishedOutput]:
    """Opens the latest version of the output in `directory` while the `with` block runs.

    Its local files are held open and read through their descriptors, so a run that replaces the output does not affect
    them. (Files in a bucket, or more than 256 files, can't be held: there, a file that is removed while it is read is
    an error.)

    Raises:
      OutputError: if the directory is not a finished output, or was damaged since.
    """
    while True:
        manifest = read_manifest(directory)
        with contextlib.ExitStack() as held:
            try:
                output = find_published_output(directory, manifest)
                if _count_files(output) <= _HELD_FILES and os.path.isdir(_DESCRIPTORS):
                    output = dataclasses.replace(
                        output,
                        shards=_hold(output.shards, held),
                        documents=_hold(output.documents, held),
                        tombstones=_hold(output.tombstones, held),
                        failures=_hold(output.failures, held),
                        search_index=_hold(output.search_index, held),
                    )
            except (OutputError, FileNotFoundError):
                if read_manifest(directory) != manifest:
                    continue  # replaced between the manifest and the files
                raise
            yield output
            return


def find_published_output(directory: str, manifest: Manifest) -> PublishedOutput:
    """Finds the files that a manifest names, without holding them open.

    Raises:
      OutputError: if one is missing or has another size.
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
        search_index=find_files(directory, manifest.search_index_files),
    )


def _count_files(output: PublishedOutput) -> int:
    return sum(map(len, (output.shards, output.documents, output.tombstones, output.failures, output.search_index)))


def choose_format(manifest: Manifest) -> str:
    """Returns the format that readers use: that of the first sink."""
    return (manifest.shards[0].format if manifest.shards else None) or "tfrecord"


def find_files(directory: str, files: Sequence[DataFile]) -> list[PublishedFile]:
    """Finds files of a manifest, which must be there with the sizes that it says.

    Raises:
      OutputError: if one is missing or has another size.
    """
    sizes = _list_sizes(directory, files)
    return [_find_file(directory, file, sizes.get(file.path)) for file in files]


def _list_sizes(directory: str, files: Sequence[DataFile]) -> dict[str, int]:
    """Returns path → bytes of all that is in the folders of these files.

    A bucket lists a thousand files in one request; asked about each by itself, it would take an hour for 50,000.
    """
    folders = {posixpath.dirname(file.path) for file in files}
    return {
        f"{folder}/{found.name}": found.bytes
        for folder in folders
        for found in list_files(FileSystems.join(directory, folder))
    }


def _find_file(directory: str, file: DataFile, listed: int | None) -> PublishedFile:
    path = FileSystems.join(directory, file.path)
    size = listed
    if size is None:  # some file systems list new files late
        try:
            size = FileSystems.get_filesystem(path).metadata(path).size_in_bytes
        except BeamIOError as e:
            raise describe_damage(directory, f"{file.path} is missing") from e
    if size != file.bytes:
        raise describe_damage(directory, f"{file.path} has {size} bytes, the manifest says {file.bytes}")
    if file.generation is None:
        raise describe_damage(directory, f"the manifest does not say to which generation {file.path} belongs")
    return PublishedFile(path=path, generation=file.generation)


def describe_damage(directory: str, what: str) -> OutputError:
    """Returns the error for a finished output that is no longer what its manifest says."""
    return OutputError(f"{directory}: {what}; the output was damaged after it was published; make it again")


def _hold(files: list[PublishedFile], held: contextlib.ExitStack) -> list[PublishedFile]:
    """Holds files open, and returns paths at which they can be read meanwhile; files in a bucket stay as they are."""
    return [file if is_remote(file.path) else _hold_file(file, held) for file in files]


def _hold_file(file: PublishedFile, held: contextlib.ExitStack) -> PublishedFile:
    descriptor = os.open(file.path, os.O_RDONLY)
    held.callback(os.close, descriptor)
    return dataclasses.replace(file, path=f"{_DESCRIPTORS}/{descriptor}")
