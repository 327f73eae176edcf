"""The versions of a dataset: `_versions/N.json`, of which the one with the highest number counts.

Creating that file is what publishes a version. `manifest.json` is a copy, for people and other programs.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.dataset.layout import MANIFEST_FILE, VERSIONS, find_version_number, version_file
from albert_embed.pipeline.dataset.manifest import FORMAT_VERSION, Manifest
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.transforms.files.create_file import create_file
from albert_embed.transforms.files.directories import read_file, write_file_atomically
from albert_embed.transforms.files.literal_files import delete_files, list_files

logger = logging.getLogger(__name__)


def list_versions(directory: str) -> list[int]:
    """Lists the numbers of the versions in `directory`, from the first to the latest."""
    found = (
        find_version_number(f"{VERSIONS}/{file.name}") for file in list_files(f"{directory.rstrip('/')}/{VERSIONS}")
    )
    return sorted(number for number in found if number is not None)


def find_latest_number(directory: str) -> int:
    """Returns the number of the latest version in `directory`; 0 where there is none."""
    return max(list_versions(directory), default=0)


def read_manifest(directory: str) -> Manifest:
    """Reads the manifest of the latest version of the dataset in `directory`.

    Raises:
      OutputError: if there is none, or it was not written by this program.
    """
    directory = directory.rstrip("/") or "/"
    numbers = list_versions(directory)
    while numbers:
        try:
            return read_version(directory, numbers[-1])
        except FileNotFoundError as e:
            before, numbers = numbers, list_versions(directory)
            if numbers == before:  # no later one is there
                raise OutputError(
                    f"{directory} lists {version_file(numbers[-1])}, which can't be read: {e}; try again, or make the "
                    "output again"
                ) from e
    raise describe_missing(directory)


def describe_missing(directory: str) -> OutputError:
    """Returns the error for a directory that holds no version, or is not there."""
    if FileSystems.get_scheme(directory) is None and not os.path.exists(directory):  # a bucket has no empty folders
        return OutputError(f"there is nothing at {directory}; give the --output of a run of albert-embed embed")
    if FileSystems.exists(FileSystems.join(directory, MANIFEST_FILE)):
        return OutputError(
            f"{FileSystems.join(directory, MANIFEST_FILE)} is not a manifest of this program's current layout: there "
            f"is no {VERSIONS}/ beside it. An output of an earlier release has to be made again"
        )
    return OutputError(
        f"{directory} holds no {MANIFEST_FILE}: it is not a finished output. The manifest is written last; if "
        "a run was cut off, run the same command again."
    )


def read_version(directory: str, number: int) -> Manifest:
    """Reads the manifest of one version.

    Raises:
      FileNotFoundError: if there is no such version.
      OutputError: if it was not written by this program.
    """
    path = FileSystems.join(directory, version_file(number))
    content = read_file(path)
    try:
        fields = json.loads(content)
        if fields["format_version"] != FORMAT_VERSION:
            raise OutputError(
                f"{path} has format_version {fields['format_version']}, this program reads {FORMAT_VERSION}"
            )
        return Manifest.from_dict(fields)
    except OutputError:
        raise
    except (ValueError, KeyError, TypeError) as e:
        raise OutputError(f"{path} is not a manifest of this program: {e!r}") from e


class VersionConflictError(RuntimeError):
    """Another run has published a version since this one began."""


def create_version(directory: str, manifest: Manifest) -> bool:
    """Publishes a version: its number is `manifest.generation`. Doing it again changes nothing.

    Returns:
      Whether it is the latest; it is not where an earlier attempt has published it, and later versions came since.

    Raises:
      VersionConflictError: if another run has published this version, or a later one.
    """
    number = manifest.generation
    path = FileSystems.join(directory, version_file(number))
    created = create_file(path, manifest.to_json().encode())
    if not created:
        there = read_version(directory, number)
        if there.run != manifest.run:
            raise describe_conflict(directory, number, there.run)
    later = [found for found in list_versions(directory) if found > number]
    if created and later:  # the file of this number was removed with an old version, and made anew here
        delete_files([path])
        raise describe_conflict(directory, later[-1], "another run")
    return not later


def describe_conflict(directory: str, number: int, run: str) -> VersionConflictError:
    """Returns the error of a run that comes too late to publish."""
    return VersionConflictError(
        f"{run} has published version {number} of {directory} since this run began; nothing of this run was published. "
        "Its finished shards are kept: run the same command again"
    )


def replace_version(directory: str, manifest: Manifest) -> None:
    """Writes what has become known about a published version, such as that its rows are in the table now."""
    path = FileSystems.join(directory, version_file(manifest.generation))
    write_file_atomically(path, manifest.to_json().encode())
    copy_manifest(directory, manifest)


def copy_manifest(directory: str, manifest: Manifest) -> None:
    """Writes the copy `manifest.json`."""
    write_file_atomically(FileSystems.join(directory, MANIFEST_FILE), manifest.to_json().encode())


def choose_retained(directory: str, told: int | None, latest: Manifest | None) -> int:
    """Returns how many versions before its new one an output keeps: what nobody says stays as its last run was told.

    Args:
      directory: of the output.
      told: what this run is told; None for nothing.
      latest: the version that is there, if there is one.
    """
    if told is not None or latest is None:
        return told or 0
    if latest.retain:
        logger.info(
            "%s keeps %d earlier versions, as its last run was told; --retain sets another number",
            *(directory, latest.retain),
        )
    return latest.retain


def list_named_files(manifests: Sequence[Manifest]) -> set[str]:
    """Returns the paths of all files that these manifests name."""
    return {file.path for manifest in manifests for file in manifest.files}
