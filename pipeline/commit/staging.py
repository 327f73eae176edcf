"""`StagingFolder`: where one run writes before it publishes, `_staging/<run>/`; no other run writes there."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable

from apache_beam.io.filesystems import FileSystems

from albert_embed.pipeline.commit.run_name import is_run_name
from albert_embed.pipeline.dataset.layout import STAGING
from albert_embed.transforms.files.create_file import create_file
from albert_embed.transforms.files.directories import is_remote, read_file, write_file_atomically
from albert_embed.transforms.files.literal_files import FoundFile, delete_directory, delete_files, list_files

# What a run of `embed` writes down about itself (`pipeline.resume.run_record`); those of others have none.
RUN_FILE = "run.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StagingFolder:
    """The folder of one run.

    Attributes:
      directory: the dataset's, on any file system that Beam knows.
      run: the name of the run.
    """

    directory: str
    run: str

    @property
    def path(self) -> str:
        """Where it is."""
        return FileSystems.join(self.directory, STAGING, self.run)

    def join(self, name: str) -> str:
        """Returns the full path of a file in it."""
        return FileSystems.join(self.path, name)

    def relative(self, name: str) -> str:
        """Returns the path of a file in it, relative to the dataset's directory."""
        return f"{STAGING}/{self.run}/{name}"

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, in place of one that may be there.

        Raises:
          OSError: if it can't be written.
        """
        write_file_atomically(self.join(name), content)

    def create(self, name: str, content: bytes) -> bytes:
        """Writes a file unless it is there, and returns what is there now: the first of several attempts counts.

        Raises:
          OSError: if it can't be written.
        """
        return content if create_file(self.join(name), content) else read_file(self.join(name))

    def read(self, name: str) -> bytes | None:
        """Reads a file; None if it is not there."""
        try:
            return read_file(self.join(name))
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        """Returns whether a file is there."""
        return bool(FileSystems.exists(self.join(name)))

    def remove(self, *, keep: Iterable[str] = ()) -> None:
        """Removes the folder, or all of its files but those with these names.

        Raises:
          OSError: if a file can't be removed.
        """
        kept = set(keep)
        if not kept:
            delete_directory(self.path)
            if not is_remote(self.directory):
                with contextlib.suppress(OSError):  # another run has a folder there, or there is none
                    os.rmdir(os.path.dirname(self.path))
            return
        delete_files([self.join(file.name) for file in list_files(self.path) if file.name not in kept])


def list_staged(directory: str) -> dict[str, list[FoundFile]]:
    """Lists the files of all runs that are staged below a dataset's directory: run → its files, from the first run on.

    The files' names are relative to the folder of their run.
    """
    runs: dict[str, list[FoundFile]] = {}
    for file in list_files(f"{directory.rstrip('/')}/{STAGING}"):
        run, _, name = file.name.partition("/")
        if is_run_name(run):
            runs.setdefault(run, []).append(dataclasses.replace(file, name=name))
    return dict(sorted(runs.items()))
