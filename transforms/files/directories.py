"""Reads and writes whole files, on any file system that Apache Beam knows."""

from __future__ import annotations

import os
import uuid

from albert_embed.transforms.files.open_bytes import create_bytes, open_bytes


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
    with open_bytes(path) as file:
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
    with create_bytes(path) as file:  # object stores publish it when closed
        file.write(content)
