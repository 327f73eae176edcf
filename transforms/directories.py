"""Reading, writing and copying the files of a saved graph, on any file system that Apache Beam knows."""

from __future__ import annotations

import os
import posixpath
import shutil
import uuid

COPY_CHUNK_BYTES = 1 << 22


def is_remote(path: str) -> bool:
    """Returns whether a path is on another file system than the local one."""
    return "://" in path


def read_file(path: str) -> bytes:
    """Reads a whole file.

    Raises:
      FileNotFoundError: if there is no such file.
      OSError: if it can't be read.
    """
    if not is_remote(path):
        with open(path, "rb") as file:
            return file.read()
    from apache_beam.io.filesystems import FileSystems

    if not FileSystems.exists(path):
        raise FileNotFoundError(f"no such file: {path}")
    with FileSystems.open(path, compression_type="uncompressed") as file:
        content: bytes = file.read()
    return content


def write_file_atomically(path: str, content: bytes) -> None:
    """Writes a file so that a reader sees all of it or nothing.

    Raises:
      OSError: if it can't be written.
    """
    if not is_remote(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        unfinished = f"{path}.{uuid.uuid4().hex}.unfinished"
        with open(unfinished, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        return
    from apache_beam.io.filesystems import FileSystems

    with FileSystems.create(path, compression_type="uncompressed") as file:  # object stores publish it when closed
        file.write(content)


def list_directory(path: str) -> list[str]:
    """Lists the names of all files below a directory, relative to it; none where there is no such directory."""
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    root = path.rstrip("/") + "/"
    try:
        found = FileSystems.match([root + "**"])[0].metadata_list
    except BeamIOError:
        return []
    return sorted(file.path.removeprefix(root) for file in found)


def delete_directory(path: str) -> None:
    """Deletes all files below a directory, and itself; nothing happens where there is none.

    Raises:
      OSError: if a file can't be deleted.
    """
    if not is_remote(path):
        if os.path.isdir(path):
            shutil.rmtree(path)
        return
    from apache_beam.io.filesystems import FileSystems

    names = list_directory(path)
    if names:  # a bucket has no folders of its own
        FileSystems.delete([posixpath.join(path, name) for name in names])


def copy_directory(source: str, destination: str) -> None:
    """Copies all files of a directory, from and to any file system, over what is there.

    Raises:
      OSError: if a file can't be read or written.
    """
    if not is_remote(source) and not is_remote(destination):
        shutil.copytree(source, destination, dirs_exist_ok=True)
        return
    from apache_beam.io.filesystems import FileSystems

    root = source.rstrip("/") + "/"
    for metadata in FileSystems.match([root + "**"])[0].metadata_list:
        target = posixpath.join(destination, metadata.path[len(root) :])
        if not is_remote(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
        with (
            FileSystems.open(metadata.path, compression_type="uncompressed") as reader,
            FileSystems.create(target, compression_type="uncompressed") as writer,
        ):
            shutil.copyfileobj(reader, writer, COPY_CHUNK_BYTES)
