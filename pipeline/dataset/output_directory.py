"""`OutputDirectory`: where a run writes, and how its results are published.

Everything is first written below `_staging/`. Publishing moves the new files up, then replaces the manifest, and only
then removes what is left of an earlier version. So a directory with a manifest is complete. One with `_staging/` and no
manifest belongs to a run that was cut off, and is cleared by the next one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Any

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.dataset.manifest import FILE_LISTS, MANIFEST_FILE, Manifest, read_manifest
from albert_embed.pipeline.shards.data_file import DataFile
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.storage.output_lock import LOCK_FILE, OutputLock
from albert_embed.transforms.directories import is_remote

STAGING = "_staging"
SCHEMA_FILE = "schema.pbtxt"
DOCUMENTS_SCHEMA_FILE = "documents_schema.pbtxt"
_OWN_FILES = re.compile(
    r"^(?:(?:embeddings|index|documents|tombstones|failures)-(?:g\d+-)?\d+-of-\d+\.(?:tfrecord|parquet|jsonl)"
    rf"|{re.escape(SCHEMA_FILE)}|{re.escape(DOCUMENTS_SCHEMA_FILE)}|{re.escape(MANIFEST_FILE)})$"
)


class OutputDirectory:
    """One output, on any file system that Beam knows.

    Args:
      path: the directory; made when it is prepared.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = OutputLock(path)

    def release(self) -> None:
        """Ends the run, so that other runs can write here."""
        self._lock.release()

    @property
    def staging(self) -> str:
        """The folder in which the run writes before it publishes."""
        return FileSystems.join(self.path, STAGING)

    def prepare(
        self,
        *,
        overwrite: bool,
        add: bool = False,
    ) -> Manifest | None:
        """Locks the directory for a run and checks what it holds. Staged files stay as they are.

        Args:
          overwrite: whether the run may replace what is there.
          add: whether the run adds to a finished output that may be there.

        Returns:
          With `add`, the manifest of what is there, if there is one.

        Raises:
          OutputError: if another run is writing to the directory, or if it holds a finished output or anything else
            and neither `overwrite` nor `add` is given.
        """
        self._lock.acquire()
        try:
            return self._clear(overwrite=overwrite, add=add)
        except BaseException:
            self.release()
            raise

    def _clear(self, *, overwrite: bool, add: bool) -> Manifest | None:
        files = self._list()
        previous = self._read_published()  # one that can't be read is refused now, not after hours of work
        if add and previous is not None:
            current = {*list_files(previous), MANIFEST_FILE, SCHEMA_FILE, DOCUMENTS_SCHEMA_FILE}
            self._delete([name for name in files if _OWN_FILES.match(name) and name not in current])
        elif not overwrite:
            if MANIFEST_FILE in files:
                raise OutputError(
                    f"{self.path} holds a finished output; give another --output, or --overwrite to replace it"
                )
            unfinished = any(_is_staged(name) for name in files)
            foreign = [name for name in files if not _is_staged(name) and not (unfinished and _OWN_FILES.match(name))]
            if foreign:
                raise OutputError(
                    f"{self.path} already holds something ({', '.join(sorted(foreign)[:3])}); "
                    "give an empty or new --output, or --overwrite to write there anyway"
                )
            self._delete([name for name in files if _OWN_FILES.match(name)])
        return previous if add else None

    def keep_staged(self, kept: Collection[str]) -> None:
        """Removes all staged files except those with these names."""
        if kept:
            self._delete([name for name in self._list() if _is_staged(name) and name.split("/", 1)[1] not in kept])
        else:
            self.discard_staged()

    def is_staged(self, name: str) -> bool:
        """Returns whether a file with this name is staged."""
        return bool(FileSystems.exists(FileSystems.join(self.staging, name)))

    def stage(self, name: str, content: str) -> None:
        """Writes a file to the staging folder."""
        self._write(FileSystems.join(STAGING, name), content)

    def read_staged(self, name: str) -> bytes:
        """Reads a file that the run has staged."""
        with FileSystems.open(FileSystems.join(self.staging, name)) as file:
            return file.read()

    def staged_files(self, prefix: str) -> list[DataFile]:
        """Lists the staged files whose names start with `prefix`, in the order of their names."""
        pattern = FileSystems.join(self.staging, f"{prefix}*")
        found = FileSystems.match([pattern])[0].metadata_list
        files = [DataFile(path=PurePosixPath(file.path).name, bytes=file.size_in_bytes) for file in found]
        return sorted(files, key=lambda file: file.path)

    def delete_staged(self, prefix: str) -> None:
        """Removes the staged files whose names start with `prefix`."""
        self._delete([f"{STAGING}/{file.path}" for file in self.staged_files(prefix)])

    def publish(self, manifest: Manifest, schema: str | None, *, documents_schema: str | None = None) -> Manifest:
        """Moves the staged files beside what was there, then replaces the manifest, and unlocks.

        A reader sees the old version until the new manifest is there, and the new one from then on: their files have
        different names. Old files that the manifest no longer names, and other staged files, are removed last.

        Args:
          manifest: names the staged files, which are numbered in the order of their names, and the files of the
            version before that stay: these have a `generation`.
          schema: the content of `schema.pbtxt`; None for none.
          documents_schema: the content of `documents_schema.pbtxt`; None for none.

        Returns:
          The manifest as it was published.
        """
        previous = self._read_published()
        generation = 0 if previous is None else previous.generation + 1
        named: dict[str, Any] = {name: _name_published(getattr(manifest, name), generation) for name in FILE_LISTS}
        generations = [
            entry if entry.number is not None else dataclasses.replace(entry, number=generation)
            for entry in manifest.generations
        ]
        published = dataclasses.replace(manifest, generation=generation, generations=generations, **named)
        renamed = [
            (staged.path, file.path)
            for name in FILE_LISTS
            for staged, file in zip(getattr(manifest, name), getattr(published, name), strict=True)
            if not staged.is_published
        ]
        if renamed:
            FileSystems.rename(
                [FileSystems.join(self.staging, old) for old, _ in renamed],
                [FileSystems.join(self.path, new) for _, new in renamed],
            )
        # Readers see each of them completely or not at all: it is written beside, then renamed.
        current = {*list_files(published), MANIFEST_FILE}
        for name, content in ((SCHEMA_FILE, schema), (DOCUMENTS_SCHEMA_FILE, documents_schema)):
            if content is not None:
                self._replace(name, content)
                current.add(name)
        self._replace(MANIFEST_FILE, published.to_json())
        self._delete([name for name in self._list() if _OWN_FILES.match(name) and name not in current])
        self.discard_staged()
        self.release()
        return published

    def discard_staged(self) -> None:
        """Removes everything that the run has staged."""
        if is_remote(self.path):  # a bucket has no folders: a slash at the end deletes what is below
            FileSystems.delete([self.staging + "/"])
        elif FileSystems.exists(self.staging):
            FileSystems.delete([self.staging])

    def _read_published(self) -> Manifest | None:
        """Returns the manifest of the version that is there, if there is one."""
        if not FileSystems.exists(FileSystems.join(self.path, MANIFEST_FILE)):
            return None
        try:
            return read_manifest(self.path)
        except OutputError as e:
            raise OutputError(f"{e}; --overwrite replaces outputs of this program only: remove the file first") from e

    def _replace(self, name: str, content: str) -> None:
        self._write(FileSystems.join(STAGING, name), content)
        FileSystems.rename([FileSystems.join(self.staging, name)], [FileSystems.join(self.path, name)])

    def _list(self) -> set[str]:
        """Lists all files below the directory, relative to it."""
        root = self.path.rstrip("/") + "/"
        with contextlib.suppress(BeamIOError):
            found = FileSystems.match([root + "**"])[0].metadata_list
            return {file.path.removeprefix(root) for file in found} - {LOCK_FILE}
        return set()

    def _delete(self, names: list[str]) -> None:
        paths = [FileSystems.join(self.path, name) for name in names]
        existing = [path for path in paths if FileSystems.exists(path)]
        if existing:
            FileSystems.delete(existing)

    def _write(self, name: str, content: str) -> None:
        path = FileSystems.join(self.path, name)
        parent = path.rsplit("/", 1)[0]
        if not FileSystems.exists(parent):
            FileSystems.mkdirs(parent)
        with FileSystems.create(path, mime_type="text/plain") as file:
            file.write(content.encode())


def _is_staged(name: str) -> bool:
    return name.startswith(STAGING + "/")


def list_files(manifest: Manifest) -> list[str]:
    """Returns the paths of all files that a manifest names."""
    return [file.path for name in FILE_LISTS for file in getattr(manifest, name)]


def _name_published(files: list[DataFile], generation: int) -> list[DataFile]:
    """Returns the files with the names that they get: `embeddings-00000-of-00001.tfrecord` for a first version,
    `embeddings-g1-00000-…` for the second. What had the same name but for the format gets the same number."""
    names = sorted({PurePosixPath(file.path).stem for file in files if not file.is_published})
    numbers = {name: number for number, name in enumerate(names)}
    published = []
    for file in files:
        if not file.is_published:
            path = PurePosixPath(file.path)
            prefix = path.name.partition("-")[0] + (f"-g{generation}" if generation else "")
            name = f"{prefix}-{numbers[path.stem]:05d}-of-{len(names):05d}{path.suffix}"
            file = dataclasses.replace(file, path=name, generation=generation)
        published.append(file)
    return published
